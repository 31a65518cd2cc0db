# Competitive gene set tests by R's limma.
#   Rscript camera.R FOLDER
# reads  FOLDER/statistics.tsv (statistic, df: t with df degrees of freedom; one row per gene)
#        FOLDER/sets.tsv (gene set and gene, numbered from 1)
# writes FOLDER/z.tsv (z-scores of the statistics), FOLDER/camera.tsv (one row per set and correlation)
suppressPackageStartupMessages(library(limma))

folder <- commandArgs(trailingOnly = TRUE)[1]
statistics <- read.delim(file.path(folder, "statistics.tsv"))
sets <- read.delim(file.path(folder, "sets.tsv"))
z <- zscoreT(statistics$statistic, statistics$df)
index <- split(sets$gene, sets$set)
result <- do.call(rbind, lapply(c(0, 0.01, 0.1), function(correlation) {
  found <- cameraPR(z, index, inter.gene.cor = correlation, use.ranks = FALSE, sort = FALSE)
  data.frame(correlation, size = found$NGenes, up = found$Direction == "Up", p_value = found$PValue, q_value = found$FDR)
}))
number <- function(x) sprintf("%.17g", as.numeric(x))
writeLines(c("z", number(z)), file.path(folder, "z.tsv"))
lines <- c(paste(colnames(result), collapse = "\t"), apply(sapply(result, number), 1, paste, collapse = "\t"))
writeLines(lines, file.path(folder, "camera.tsv"))

# Competitive gene set tests by R's limma.
#   Rscript camera.R FOLDER
# reads  FOLDER/statistics.tsv (statistic, df: t with df degrees of freedom; one row per gene)
#        FOLDER/sets.tsv (gene set and gene, numbered from 1)
#        FOLDER/values.tsv (genes by samples), FOLDER/design.tsv (samples by coefficients, the last one tested)
# writes FOLDER/z.tsv (z-scores of the statistics), FOLDER/camera.tsv (one row per set and correlation)
#        FOLDER/estimated.tsv (one row per set: camera with the correlation estimated from the values)
#        FOLDER/estimated_z.tsv (the z-scores that camera makes of the values: by Hill's approximation)
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
write_table <- function(table, name) {
  lines <- c(paste(colnames(table), collapse = "\t"), apply(sapply(table, number), 1, paste, collapse = "\t"))
  writeLines(lines, file.path(folder, name))
}
writeLines(c("z", number(z)), file.path(folder, "z.tsv"))
write_table(result, "camera.tsv")

values <- as.matrix(read.delim(file.path(folder, "values.tsv"), header = FALSE))
design <- as.matrix(read.delim(file.path(folder, "design.tsv")))
found <- camera(values, index, design, inter.gene.cor = NA, sort = FALSE)
fit <- eBayes(lmFit(values, design))
approximate <- zscoreT(fit$t[, ncol(design)], fit$df.total, approx = TRUE, method = "hill")
writeLines(c("z", number(approximate)), file.path(folder, "estimated_z.tsv"))
write_table(data.frame(size = found$NGenes, correlation = found$Correlation, p_value = found$PValue), "estimated.tsv")

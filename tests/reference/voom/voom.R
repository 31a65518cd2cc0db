# voom, TMM factors and the filter of genes by R, for every case folder given.
#   Rscript voom.R FOLDER...
# reads  FOLDER/counts.tsv (features x samples), design.tsv (samples x coefficients), groups.tsv (one column)
# writes FOLDER/voom.tsv (per feature: kept by filterByExpr, log2 CPM, weights), factors.tsv (TMM, one per sample)
suppressPackageStartupMessages(library(edgeR))

for (folder in commandArgs(trailingOnly = TRUE)) {
  counts <- as.matrix(read.delim(file.path(folder, "counts.tsv"), header = FALSE))
  design <- as.matrix(read.delim(file.path(folder, "design.tsv")))
  group <- read.delim(file.path(folder, "groups.tsv"))[, 1]
  factors <- calcNormFactors(counts)
  kept <- filterByExpr(counts, group = group)
  fit <- voom(counts, design, lib.size = colSums(counts) * factors)
  result <- cbind(as.numeric(kept), fit$E, fit$weights)
  writeLines(apply(format(result, digits = 15, trim = TRUE), 1, paste, collapse = "\t"), file.path(folder, "voom.tsv"))
  writeLines(sprintf("%.17g", factors), file.path(folder, "factors.tsv"))
}

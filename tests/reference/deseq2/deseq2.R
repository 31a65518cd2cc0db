# Wald tests of one contrast by R's DESeq2, for every case folder given.
#   Rscript deseq2.R FOLDER...
# reads  FOLDER/counts.tsv (features x samples), design.tsv (samples x coefficients), contrast.tsv (one row)
# writes FOLDER/deseq2.tsv (one row per feature, 10 significant digits), size_factors.tsv (one per sample)
suppressPackageStartupMessages(library(DESeq2))

for (folder in commandArgs(trailingOnly = TRUE)) {
  counts <- as.matrix(read.delim(file.path(folder, "counts.tsv"), header = FALSE))
  design <- as.matrix(read.delim(file.path(folder, "design.tsv")))
  contrast <- unlist(read.delim(file.path(folder, "contrast.tsv")))
  samples <- data.frame(row.names = colnames(counts), sample = colnames(counts))
  sizes <- if (any(apply(counts > 0, 1, all))) "ratio" else "poscounts"
  fit <- DESeq(DESeqDataSetFromMatrix(counts, samples, design), sfType = sizes, quiet = TRUE)
  tests <- results(fit, contrast = unname(contrast), independentFiltering = FALSE)
  result <- cbind(
    base_mean = tests$baseMean, estimate = tests$log2FoldChange, se = tests$lfcSE, statistic = tests$stat,
    p_value = tests$pvalue, dispersion = dispersions(fit)
  )
  text <- ifelse(is.na(result), "nan", sprintf("%.10g", result))
  lines <- c(paste(colnames(result), collapse = "\t"), apply(text, 1, paste, collapse = "\t"))
  writeLines(lines, file.path(folder, "deseq2.tsv"))
  writeLines(sprintf("%.17g", sizeFactors(fit)), file.path(folder, "size_factors.tsv"))
}

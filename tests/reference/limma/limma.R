# Moderated tests of one contrast by R's limma, for every case folder given.
#   Rscript limma.R FOLDER...
# reads  FOLDER/values.tsv (features x samples, empty: missing), design.tsv (samples x coefficients),
#        contrast.tsv (one weight per coefficient), optionally weights.tsv (features x samples)
# writes FOLDER/limma.tsv (one row per feature, 17 significant digits; posterior variances and their prior included)
suppressPackageStartupMessages(library(limma))

table_of <- function(folder, name, header) as.matrix(read.delim(file.path(folder, name), header = header))

for (folder in commandArgs(trailingOnly = TRUE)) {
  values <- table_of(folder, "values.tsv", FALSE)
  design <- table_of(folder, "design.tsv", TRUE)
  contrast <- table_of(folder, "contrast.tsv", TRUE)[1, ]
  weights <- if (file.exists(file.path(folder, "weights.tsv"))) table_of(folder, "weights.tsv", FALSE)
  fit <- suppressWarnings(lmFit(values, design, weights = weights))
  # limma's contrasts.fit approximates where values are missing: a single coefficient is taken as it is
  fit <- if (sum(contrast != 0) == 1) fit[, which(contrast != 0)] else contrasts.fit(fit, contrast)
  fit <- suppressWarnings(eBayes(fit))
  se <- fit$stdev.unscaled[, 1] * sqrt(fit$s2.post)
  half <- qt(0.975, fit$df.total) * se
  result <- cbind(
    estimate = fit$coefficients[, 1], unscaled = fit$stdev.unscaled[, 1], variance = fit$sigma^2,
    df = fit$df.residual, posterior = fit$s2.post, se = se, statistic = fit$t[, 1], df_total = fit$df.total,
    p_value = fit$p.value[, 1], ci_low = fit$coefficients[, 1] - half, ci_high = fit$coefficients[, 1] + half,
    prior_df = fit$df.prior, prior_variance = fit$s2.prior, q_value = p.adjust(fit$p.value[, 1], "BH")
  )
  text <- ifelse(is.na(result), "nan", sprintf("%.17g", result))
  lines <- c(paste(colnames(result), collapse = "\t"), apply(text, 1, paste, collapse = "\t"))
  writeLines(lines, file.path(folder, "limma.tsv"))
}

# Proportional-odds models of every feature by R's MASS::polr (glm for two levels), and by VGAM::vglm, for every case folder given.
#   Rscript polr.R FOLDER...
# reads  FOLDER/values.tsv (features x participants, NA: missing), participants.tsv (outcome, covariates)
# writes FOLDER/polr.tsv (one row per feature: log odds ratio per unit of the feature, standard error from the
#        observed information, likelihood-ratio p-value; vglm's estimate; 17 significant digits)
suppressPackageStartupMessages({library(MASS); library(VGAM)})

for (folder in commandArgs(trailingOnly = TRUE)) {
  values <- as.matrix(read.delim(file.path(folder, "values.tsv"), header = FALSE))
  people <- read.delim(file.path(folder, "participants.tsv"))
  covariates <- setdiff(names(people), "outcome")
  precise <- list(reltol = 1e-15, maxit = 5000)
  result <- t(sapply(seq_len(nrow(values)), function(feature) {
    data <- data.frame(people, x = values[feature, ])
    data <- data[!is.na(data$x), ]
    data$outcome <- ordered(data$outcome)
    model <- reformulate(c("x", covariates), "outcome")
    null <- reformulate(c(covariates, "1"), "outcome")
    two <- nlevels(data$outcome) == 2  # polr takes three or more: logistic regression is the same model
    fitted <- function(formula) {
      if (two) return(glm(formula, binomial, data, epsilon = 1e-14, maxit = 100))
      polr(formula, data, Hess = TRUE, control = precise)
    }
    fit <- fitted(model)
    without <- fitted(null)
    other <- vglm(
      model, cumulative(parallel = TRUE, reverse = TRUE), data, epsilon = 1e-12, maxit = 100, noWarning = TRUE
    )
    table <- summary(fit)$coefficients
    c(
      estimate = table["x", 1], se = table["x", 2],
      p_likelihood = pchisq(deviance(without) - deviance(fit), 1, lower.tail = FALSE),
      vglm = unname(coef(other)["x"])
    )
  }))
  text <- matrix(sprintf("%.17g", result), nrow(result))
  writeLines(c(paste(colnames(result), collapse = "\t"), apply(text, 1, paste, collapse = "\t")), file.path(folder, "polr.tsv"))
}

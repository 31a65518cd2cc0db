# Mixed models of every feature by R's lmerTest, for every case folder given.
#   Rscript lmertest.R FOLDER...
# reads  FOLDER/values.tsv (features x samples, NA: missing), design.tsv (samples x coefficients),
#        contrasts.tsv (contrasts x coefficients), groups.tsv (samples x participant, perhaps tissue),
#        optionally weights.tsv (features x samples)
# writes FOLDER/lmertest.tsv (one row per feature and contrast, 17 significant digits)
suppressPackageStartupMessages(library(lmerTest))

table_of <- function(folder, name, header) as.matrix(read.delim(file.path(folder, name), header = header))

# lmer's optimiser, then Newton's method on the deviance's numerical derivatives: the optimiser alone leaves
# noise of 1e-7 to 1e-6 in the standard errors, and a theta near zero where the minimum is at zero.
polished <- function(fn, par, lower, upper, control, ...) {
  found <- nloptwrap(par, fn, lower, upper, control = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 1e5))
  theta <- found$par
  for (k in seq_along(theta)) if (fn(replace(theta, k, 0)) <= fn(theta) + 1e-10) theta[k] <- 0
  free <- which(theta > 0)
  of_free <- function(x) fn(replace(theta, free, x))
  if (length(free)) for (step in 1:3) {
    gradient <- numDeriv::grad(of_free, theta[free])
    theta[free] <- theta[free] - solve(numDeriv::hessian(of_free, theta[free]), gradient)
  }
  list(par = theta, fval = fn(theta), feval = 1, conv = 0, convergence = 0, message = "")
}
control <- lmerControl(
  optimizer = "polished", calc.derivs = FALSE, check.conv.singular = .makeCC("ignore", tol = 1e-4)
)

for (folder in commandArgs(trailingOnly = TRUE)) {
  values <- table_of(folder, "values.tsv", FALSE)
  design <- table_of(folder, "design.tsv", TRUE)
  contrasts <- table_of(folder, "contrasts.tsv", TRUE)
  groups <- read.delim(file.path(folder, "groups.tsv"), colClasses = "factor")
  weights <- if (file.exists(file.path(folder, "weights.tsv"))) table_of(folder, "weights.tsv", FALSE)
  random <- if ("tissue" %in% names(groups)) "(1 | participant) + (1 | participant:tissue)" else "(1 | participant)"
  model <- as.formula(paste("y ~ 0 +", paste(colnames(design), collapse = " + "), "+", random))
  results <- lapply(seq_len(nrow(values)), function(feature) {
    data <- cbind(groups, design, y = values[feature, ])
    data$w <- if (is.null(weights)) 1 else weights[feature, ]
    fit <- lmer(model, data, weights = w, control = control)
    tests <- contest(fit, contrasts, joint = FALSE)
    variances <- as.data.frame(VarCorr(fit))
    variance <- function(name) c(variances$vcov[variances$grp == name], NA)[1]
    cbind(
      estimate = tests[, "Estimate"], se = tests[, "Std. Error"], df = tests[, "df"], p_value = tests[, "Pr(>|t|)"],
      participant = variance("participant"), nested = variance("participant:tissue"),
      residual = variance("Residual")
    )
  })
  result <- do.call(rbind, results)
  text <- ifelse(is.na(result), "nan", sprintf("%.17g", result))
  lines <- c(paste(colnames(result), collapse = "\t"), apply(text, 1, paste, collapse = "\t"))
  writeLines(lines, file.path(folder, "lmertest.tsv"))
}

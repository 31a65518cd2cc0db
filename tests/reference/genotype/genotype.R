# Exact tests, Firth's regression and beta-binomial likelihoods by R.
#   Rscript genotype.R FOLDER
# reads  FOLDER/participants.tsv (case, age, sex), dosage.tsv (variants x participants, NA: not called),
#        reads.tsv (site, pair, side, alt, depth)
# writes FOLDER/r_tests.tsv (per variant): fisher.test of carriers; the exact trend by listing all choices of cases
#        (14 participants); Firth's coefficient by brglm2, and the penalised likelihood ratio, of the likelihood
#        written out here and maximised by optim;
#        FOLDER/r_reads.tsv (per row of reads.tsv): VGAM's beta-binomial log density at 0.3, rho 0.05;
#        FOLDER/r_changes.tsv (per site): brglm2's log odds ratio, one baseline per pair
suppressPackageStartupMessages({ library(brglm2); library(VGAM) })
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name, header) read.delim(file.path(folder, name), header = header)
write <- function(table, name) {
  text <- apply(ifelse(is.na(table), "nan", sprintf("%.17g", table)), 1, paste, collapse = "\t")
  writeLines(c(paste(colnames(table), collapse = "\t"), text), file.path(folder, name))
}
people <- read("participants.tsv", TRUE)
dosage <- as.matrix(read("dosage.tsv", FALSE))

trend <- function(x, case) {
  held <- combn(length(x), sum(case), function(chosen) sum(x[chosen]))
  count <- table(held)
  p <- count / sum(count)
  observed <- p[[as.character(sum(x[case == 1]))]]
  sum(p[p <= observed * (1 + 1e-7)])
}

penalised <- function(beta, X, y) {
  eta <- drop(X %*% beta)
  w <- plogis(eta) * plogis(-eta)
  sum(y * plogis(eta, log.p = TRUE) + (1 - y) * plogis(-eta, log.p = TRUE)) +
    as.numeric(determinant(crossprod(X, w * X))$modulus) / 2
}
profile_at <- function(value, X, y, start) {
  last <- ncol(X)
  cost <- function(free) {
    found <- -penalised(c(free, value), X, y)
    if (is.finite(found)) found else 1e6
  }
  for (round in 1:3) {
    found <- optim(start[-last], cost, method = "BFGS", control = list(reltol = 1e-15, maxit = 1000))
    start[-last] <- found$par
  }
  -found$value
}

tests <- t(apply(dosage, 1, function(x) {
  kept <- !is.na(x)
  x <- x[kept]; y <- people$case[kept]
  X <- cbind(one = 1, age = c(scale(people$age[kept])), sex = people$sex[kept], copies = x)
  fit <- brglm_fit(X, y, family = binomial(),
                   control = list(type = "AS_mean", epsilon = 1e-12, maxit = 1000))
  beta <- fit$coefficients
  top <- penalised(beta, X, y)
  ratio <- function(value) 2 * (top - profile_at(value, X, y, beta))
  se <- sqrt(diag(solve(crossprod(X, fit$fitted.values * (1 - fit$fitted.values) * X))))[4]
  carriers <- table(factor(x > 0, c(FALSE, TRUE)), factor(y, 0:1))
  c(fisher = fisher.test(carriers)$p.value, trend = trend(x, y), firth = unname(beta[4]), se = unname(se),
    ratio = ratio(0))
}))
write(tests, "r_tests.tsv")

reads <- read("reads.tsv", TRUE)
density <- dbetabinom(reads$alt, reads$depth, prob = 0.3, rho = 0.05, log = TRUE)
write(cbind(log_density = density - lchoose(reads$depth, reads$alt)), "r_reads.tsv")
changes <- sapply(split(reads, reads$site), function(one) {
  X <- model.matrix(~ factor(pair) + side, one)
  fit <- brglm_fit(X, one$alt / one$depth, weights = one$depth, family = binomial(),
                   control = list(type = "AS_mean", epsilon = 1e-12, maxit = 1000))
  fit$coefficients[["side"]]
})
write(cbind(estimate = changes), "r_changes.tsv")

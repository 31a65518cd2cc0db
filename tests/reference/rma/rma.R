# RMA as Bioconductor computes it. Values are written as little-endian doubles, column by column.
#   Rscript rma.R affy FOLDER CHIP        CEL files and CHIP.cdf in FOLDER -> affy.bin (probe sets sorted by name x arrays),
#                                         positions.bin (mean log2 intensity by probe position, AffyRNAdeg)
#   Rscript rma.R preprocessCore FOLDER   probes.bin, sizes.bin in FOLDER -> background.bin, quantiles.bin, polish.bin
arguments <- commandArgs(TRUE)
folder <- arguments[2]
put <- function(x, name) writeBin(as.double(x), file.path(folder, name), size = 8, endian = "little")
get_all <- function(name) readBin(file.path(folder, name), "double", 1e7, endian = "little")
if (arguments[1] == "affy") {
  suppressMessages({library(affy); library(makecdfenv)})
  assign(arguments[3], make.cdf.env(list.files(folder, "[.](cdf|CDF)$"), cdf.path = folder, verbose = FALSE))
  files <- sort(list.files(folder, "[.]CEL$"), method = "radix")
  arrays <- ReadAffy(filenames = files, celfile.path = folder, cdfname = arguments[3])
  values <- exprs(rma(arrays, verbose = FALSE))
  put(values[order(rownames(values), method = "radix"), ], "affy.bin")
  put(t(AffyRNAdeg(arrays)$means.by.number), "positions.bin")
  cat("affy", as.character(packageVersion("affy")), "\n")
} else {
  suppressMessages(library(preprocessCore))
  sizes <- get_all("sizes.bin")
  sets <- rep(sprintf("f%06d", seq_along(sizes)), sizes)
  probes <- matrix(get_all("probes.bin"), nrow = length(sets))
  background <- rma.background.correct(probes)
  quantiles <- normalize.quantiles(background)
  values <- subColSummarizeMedianpolishLog(quantiles, sets)
  put(background, "background.bin")
  put(quantiles, "quantiles.bin")
  put(values[order(rownames(values), method = "radix"), ], "polish.bin")
  cat("preprocessCore", as.character(packageVersion("preprocessCore")), "\n")
}

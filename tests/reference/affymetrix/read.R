# How Bioconductor reads chip files, as digests: Rscript read.R FILE... > table.tsv
#
# CEL (plain or gzip): MD5 of the intensities as little-endian doubles, cell by cell, from affyio and from affxparser
# (which holds them as 32-bit floats). CDF: MD5 of lines "probe set <tab> cell", the 0-based cell of each
# PM probe in the reader's order, sorted by probe set, from makecdfenv (what affy::pm uses) and from affxparser.
suppressMessages({library(affyio); library(affxparser); library(makecdfenv)})

md5 <- function(write) {
  path <- tempfile()
  connection <- file(path, "wb")
  write(connection)
  close(connection)
  unname(tools::md5sum(path))
}
of_values <- function(x) md5(function(to) writeBin(as.double(x), to, size = 8, endian = "little"))
of_probes <- function(probes) {
  probes <- probes[sort(names(probes), method = "radix")]
  lines <- paste(rep(names(probes), lengths(probes)), unlist(probes), sep = "\t")
  md5(function(to) writeLines(lines, to, sep = "\n"))
}
plain <- function(path) { # affxparser reads no gzip, and affyio one layer of it
  while (identical(readBin(path, "raw", 2), as.raw(c(0x1f, 0x8b)))) {
    path_out <- file.path(tempfile("dir"), basename(path))
    dir.create(dirname(path_out))
    from <- gzcon(file(path, "rb"))
    to <- file(path_out, "wb")
    while (length(part <- readBin(from, "raw", 1e7))) writeBin(part, to)
    close(from)
    close(to)
    path <- path_out
  }
  path
}
cel <- function(path) {
  name <- basename(path)
  path <- plain(path)
  header <- read.celfile.header(path)
  size <- header[["CEL dimensions"]]
  a <- read.celfile(path)$INTENSITY$MEAN
  b <- readCel(path)
  rbind(c(name, "affyio", header$cdfName, size[["Rows"]], size[["Cols"]], length(a), of_values(a)),
        c(name, "affxparser", b$header$chiptype, b$header$rows, b$header$cols, length(b$intensities),
          of_values(b$intensities)))
}
cdf <- function(path) {
  header <- readCdfHeader(path)
  units <- readCdf(path)
  groups <- do.call(c, lapply(unname(units), `[[`, "groups"))
  b <- lapply(groups, function(g) {
    complement <- c(A = "T", T = "A", C = "G", G = "C")[toupper(g$pbase)] == toupper(g$tbase)
    (g$y * header$cols + g$x)[complement]
  })
  e <- make.cdf.env(basename(path), cdf.path = dirname(path), verbose = FALSE)
  a <- lapply(as.list(e), function(m) as.integer(m[, "pm"]) - 1L)
  rbind(c(basename(path), "makecdfenv", "", "", "", sum(lengths(a)), of_probes(a)),
        c(basename(path), "affxparser", "", header$rows, header$cols, sum(lengths(b)), of_probes(b)))
}
files <- commandArgs(trailingOnly = TRUE)
rows <- do.call(rbind, lapply(files, function(f) if (grepl("cdf$", f, TRUE)) cdf(f) else cel(f)))
tools <- c("affyio", "affxparser", "makecdfenv")
cat("#", R.version.string, paste(tools, sapply(tools, function(p) format(packageVersion(p)))), "\n", sep = "  ")
write.table(rows, "", sep = "\t", quote = FALSE, row.names = FALSE,
            col.names = c("file", "reader", "chip", "rows", "cols", "n", "md5"))

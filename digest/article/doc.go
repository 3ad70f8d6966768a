// Package article makes clean text and metadata out of one news page, and the
// key by which everything else in the program knows that page.
package article

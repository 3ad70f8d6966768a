// Package summary picks the one to three sentences that stand for an article
// in a digest.
//
// A summary is extractive: every sentence stands in the article, and its byte
// offsets come with it, so that the desk can show the article with the chosen
// sentences marked.
//
//	text ─Split→ sentences ─clean, judge→ candidates ─score→ best dozen ─choose→ Summary
package summary

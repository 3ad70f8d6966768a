// Package story finds out which articles tell the same story: copies of one
// text, shortened or reworded, and reports of one event in different words. It
// is pure: documents in, story ids out.
package story

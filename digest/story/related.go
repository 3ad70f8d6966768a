package story

// Related returns the ids of at most n articles that are nearest to d, nearest
// first, and neither d itself nor its duplicates.
func Related(d Doc, among []Doc, n int) []string {
	return nil // TODO(title and lead tf-idf, with the event rule)
}

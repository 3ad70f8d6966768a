package story

import (
	"cmp"
	"slices"
)

// Cluster sorts articles into stories: a map from each id to the id of its
// story. The answer does not depend on the order of docs.
func Cluster(docs []Doc) map[string]string {
	sorted := slices.Clone(docs)
	slices.SortFunc(sorted, func(a, b Doc) int {
		return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Title, b.Title), cmp.Compare(a.Text, b.Text))
	})
	var x Index
	out := make(map[string]string, len(docs))
	for _, d := range sorted {
		out[d.ID], _ = x.Add(d)
	}
	return out
}

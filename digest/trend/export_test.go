package trend

// Pattern is a pattern for the fuzz target.
type Pattern struct{ pattern }

// ParsePattern is parsePattern.
func ParsePattern(text string) (Pattern, error) {
	p, err := parsePattern(text)
	return Pattern{p}, err
}

// ID is the id of a text that matches.
func (p Pattern) ID(s string) (string, bool) { return p.id(s) }

// With puts an id in.
func (p Pattern) With(id string) string { return p.with(id) }

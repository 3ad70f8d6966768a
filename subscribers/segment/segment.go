package segment

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Limits of a rule.
const (
	MaxRule   = 4000 // octets
	MaxValues = 500  // in one list of values
)

// Rule is a checked rule. It may be used concurrently.
type Rule struct {
	Text  string
	root  node
	lists []string
}

// Lists are the names of the lists that the rule speaks of.
func (r *Rule) Lists() []string { return slices.Clone(r.lists) }

// Parse checks a rule. Errors are of type *Error and name the place.
func Parse(text string) (*Rule, error) {
	if strings.TrimSpace(text) == "" {
		return nil, &Error{1, 1, "the rule is empty; an empty rule would mean nobody or everybody, so say which"}
	}
	if len(text) > MaxRule {
		return nil, &Error{1, 1, fmt.Sprintf("the rule is longer than %d octets", MaxRule)}
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, syntax(text, err)
	}
	c := &checker{source: text, rule: &Rule{Text: text}}
	root, err := c.condition(tree.Node)
	if err != nil {
		return nil, err
	}
	if !c.speaks {
		return nil, &Error{1, 1, "the rule says nothing about the reader: it may speak of " + fields}
	}
	c.rule.root = root
	return c.rule, nil
}

// node is a part of a rule that is true or false.
type node interface{ sql(*writer) }

type (
	constant   bool
	not        struct{ of node }
	both       struct{ op, left, right any }
	comparison struct {
		field  field
		op     string
		values []string
		// negated is written between the two: attrs.city not in [...]. Then a missing
		// attribute makes it false as well, as with !=.
		negated bool
	}
	moment struct {
		op   string
		at   time.Time // or
		days int       // before now, when at is zero
	}
	member struct{ list string }
	flag   struct{}
	absent struct{ field field }
)

// field is a text of the reader.
type field struct {
	name string // email domain name language zone attrs
	attr string
}

type checker struct {
	source string
	rule   *Rule
	speaks bool
}

// fail makes an error at a node.
func (c *checker) fail(n ast.Node, format string, args ...any) error {
	e := &Error{1, 1, fmt.Sprintf(format, args...)}
	if n == nil {
		return e
	}
	for i, r := range []rune(c.source) {
		if i == n.Location().From {
			break
		}
		e.Column++
		if r == '\n' {
			e.Line, e.Column = e.Line+1, 1
		}
	}
	return e
}

func (c *checker) condition(n ast.Node) (node, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		return constant(n.Value), nil
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			return c.negation(n)
		}
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.MemberNode:
		return nil, c.fail(n, "%s is a text; compare it, for instance %s == \"…\"", n, n)
	}
	return nil, c.fail(n, "this is neither true nor false for a reader; write a comparison such as language == \"en\"")
}

func (c *checker) negation(n *ast.UnaryNode) (node, error) {
	of, err := c.condition(n.Node)
	if err != nil {
		return nil, err
	}
	inner, isBinary := n.Node.(*ast.BinaryNode)
	v, isComparison := of.(comparison)
	if isBinary && isComparison && n.Location().From > inner.Left.Location().From {
		v.negated = true
		return v, nil
	}
	return not{of}, nil
}

func (c *checker) identifier(n *ast.IdentifierNode) (node, error) {
	switch {
	case n.Value == "text_only":
		c.speaks = true
		return flag{}, nil
	case slices.Contains(texts, n.Value):
		return nil, c.fail(n, "%s is a text; compare it, for instance %s == \"…\"", n.Value, n.Value)
	case n.Value == "created":
		return nil, c.fail(n, "created is a time; compare it, for instance created >= daysAgo(30)")
	case n.Value == "list":
		return nil, c.fail(n, "list needs a name: list(\"daily\")")
	}
	return nil, c.fail(n, "%s", unknown(n.Value))
}

var (
	texts = []string{"email", "domain", "name", "language", "zone"}
	names = []string{"email", "domain", "name", "language", "zone", "attrs", "text_only", "created", "list", "daysAgo", "true", "false", "and", "or", "not"}
)

var comparisons = []string{"==", "!=", "in", "contains", "startsWith", "endsWith"}

func (c *checker) binary(n *ast.BinaryNode) (node, error) {
	switch n.Operator {
	case "and", "&&", "or", "||":
		left, err := c.condition(n.Left)
		if err != nil {
			return nil, err
		}
		right, err := c.condition(n.Right)
		if err != nil {
			return nil, err
		}
		op := "and"
		if n.Operator == "or" || n.Operator == "||" {
			op = "or"
		}
		return both{op, left, right}, nil
	}
	if id, ok := n.Left.(*ast.IdentifierNode); ok && id.Value == "created" {
		return c.moment(n)
	}
	if id, ok := n.Left.(*ast.IdentifierNode); ok && id.Value == "text_only" {
		return c.flagComparison(n)
	}
	f, err := c.field(n.Left)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(comparisons, n.Operator) {
		return nil, c.fail(n, "%s is not for texts; use one of %s", n.Operator, strings.Join(comparisons, ", "))
	}
	return c.comparison(n, f)
}

func (c *checker) comparison(n *ast.BinaryNode, f field) (node, error) {
	c.speaks = true
	if _, isNil := n.Right.(*ast.NilNode); isNil {
		switch {
		case f.name != "attrs":
			return nil, c.fail(n.Right, "only an attribute can be missing; write %s == \"\"", f.name)
		case n.Operator == "==":
			return absent{f}, nil
		case n.Operator == "!=":
			return not{absent{f}}, nil
		}
		return nil, c.fail(n.Right, "nil goes with == or != alone")
	}
	var values []string
	var err error
	if n.Operator == "in" {
		values, err = c.values(n.Right)
	} else {
		values = make([]string, 1)
		values[0], err = c.text(n.Right)
	}
	if err != nil {
		return nil, err
	}
	for i := range values {
		values[i] = f.canonical(values[i], n.Operator)
	}
	if values[0] == "" && n.Operator != "==" && n.Operator != "!=" && n.Operator != "in" {
		return nil, c.fail(n.Right, "every text %s \"\"; write what it should hold", n.Operator)
	}
	return comparison{field: f, op: n.Operator, values: values}, nil
}

// canonical is a value in the form in which the field is stored.
func (f field) canonical(value, op string) string {
	switch f.name {
	case "zone", "attrs":
		return value
	case "name":
		return strings.ToLower(norm.NFKC.String(value)) // as the store folds it
	case "domain":
		if ascii, err := idna.Lookup.ToASCII(value); err == nil && (op == "==" || op == "!=" || op == "in") {
			return ascii
		}
	}
	return strings.ToLower(value)
}

func (c *checker) flagComparison(n *ast.BinaryNode) (node, error) {
	v, ok := n.Right.(*ast.BoolNode)
	if !ok || n.Operator != "==" && n.Operator != "!=" {
		return nil, c.fail(n, "text_only is true or false; write text_only or not text_only")
	}
	c.speaks = true
	if v.Value == (n.Operator == "==") {
		return flag{}, nil
	}
	return not{flag{}}, nil
}

// field reads what a comparison is about.
func (c *checker) field(n ast.Node) (field, error) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if slices.Contains(texts, n.Value) {
			return field{name: n.Value}, nil
		}
		if n.Value == "attrs" {
			return field{}, c.fail(n, "attrs needs the name of an attribute: attrs.city")
		}
		return field{}, c.fail(n, "%s", unknown(n.Value))
	case *ast.MemberNode:
		owner, ok := n.Node.(*ast.IdentifierNode)
		name, isText := n.Property.(*ast.StringNode)
		if !ok || !isText || n.Optional || n.Method {
			return field{}, c.fail(n, "only attributes have parts: attrs.city")
		}
		if owner.Value != "attrs" {
			return field{}, c.fail(owner, "%q has no parts%s", owner.Value, didYouMean(owner.Value, []string{"attrs"}))
		}
		if !attrName.MatchString(name.Value) {
			return field{}, c.fail(n.Property, "attribute %q: use a–z, 0–9 and _, a letter first", name.Value)
		}
		return field{"attrs", name.Value}, nil
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		return field{}, c.fail(n, "put what is compared first and the value second: language == \"en\"")
	}
	return field{}, c.fail(n, "this cannot be compared; use one of email, domain, name, language, zone, attrs.…, created")
}

var attrName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func (c *checker) text(n ast.Node) (string, error) {
	switch v := n.(type) {
	case *ast.StringNode:
		if strings.ContainsFunc(v.Value, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
			return "", c.fail(n, "a text cannot hold control characters")
		}
		return v.Value, nil
	case *ast.IntegerNode:
		return strconv.Itoa(v.Value), nil // attributes are texts: attrs.age == 7
	case *ast.IdentifierNode:
		return "", c.fail(n, "put quotes round the text: \"%s\"", v.Value)
	}
	return "", c.fail(n, "a text in quotes is missing here")
}

func (c *checker) values(n ast.Node) ([]string, error) {
	list, ok := n.(*ast.ArrayNode)
	if !ok || len(list.Nodes) == 0 {
		return nil, c.fail(n, "in needs texts in brackets: [\"en\", \"ur\"]")
	}
	if len(list.Nodes) > MaxValues {
		return nil, c.fail(n, "more than %d values", MaxValues)
	}
	out := make([]string, len(list.Nodes))
	for i, v := range list.Nodes {
		var err error
		if out[i], err = c.text(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *checker) call(n *ast.CallNode) (node, error) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || callee.Value != "list" {
		return nil, c.fail(n, "%s is not known%s", n.Callee, didYouMean(n.Callee.String(), []string{"list", "daysAgo"}))
	}
	name, ok := (*ast.StringNode)(nil), len(n.Arguments) == 1
	if ok {
		name, ok = n.Arguments[0].(*ast.StringNode)
	}
	if !ok {
		return nil, c.fail(n, "list needs one name in quotes: list(\"daily\")")
	}
	c.speaks = true
	if !slices.Contains(c.rule.lists, name.Value) {
		c.rule.lists = append(c.rule.lists, name.Value)
	}
	return member{name.Value}, nil
}

// maxDays is a hundred years.
const maxDays = 36525

func (c *checker) moment(n *ast.BinaryNode) (node, error) {
	if !slices.Contains([]string{"<", "<=", ">", ">="}, n.Operator) {
		return nil, c.fail(n, "created is a time; compare it with <, <=, > or >=")
	}
	c.speaks = true
	switch v := n.Right.(type) {
	case *ast.StringNode:
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			if t, err := time.Parse(layout, v.Value); err == nil {
				return moment{op: n.Operator, at: t}, nil
			}
		}
		return nil, c.fail(n.Right, "%q is not a date; write \"2026-01-31\"", v.Value)
	case *ast.CallNode:
		callee, ok := v.Callee.(*ast.IdentifierNode)
		if ok && callee.Value == "daysAgo" && len(v.Arguments) == 1 {
			if days, ok := v.Arguments[0].(*ast.IntegerNode); ok && days.Value >= 0 && days.Value <= maxDays {
				return moment{op: n.Operator, days: days.Value}, nil
			}
		}
		return nil, c.fail(n.Right, "write daysAgo and a whole number: daysAgo(30)")
	}
	return nil, c.fail(n.Right, "a date is missing here: \"2026-01-31\" or daysAgo(30)")
}

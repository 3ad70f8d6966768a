package segment_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers/segment"
)

var now = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// people are five readers; the first two are on list 1.
func people(tb testing.TB, db *schema.DB) {
	tb.Helper()
	exec := func(query string, args ...any) {
		tb.Helper()
		if _, err := db.Write.ExecContext(tb.Context(), query, args...); err != nil {
			tb.Fatal(err)
		}
	}
	exec(`insert into lists (name, title, created_at) values ('weekend', 'Weekend', 1)`)
	for _, p := range []struct {
		email, name, language, zone, attrs string
		text                               bool
		days                               int
	}{
		{"ada@example.com", "ada lovelace", "en", "Europe/London", `{"city":"London","country":"UK"}`, false, 1},
		{"khan@mail.example.pk", "عمران خان", "ur", "Asia/Karachi", `{"city":"Lahore","country":"PK"}`, true, 10},
		{"o'neil@example.org", "o'neil; drop table", "en-gb", "", `{}`, false, 100},
		{"jörg@xn--bcher-kva.example", "jörg müller", "de", "Europe/Berlin", `{"city":"Köln 100%","x":""}`, false, 400},
		{"none@sub.example.com", "", "", "", `{"city":"london"}`, true, 2000},
	} {
		exec(`insert into subscribers (email, email_key, name, name_key, language, zone, text_only, attrs, created_at, updated_at) values ($1, $1, $2, $2, $3, $4, $5, $6, $7, $7)`,
			p.email, p.name, p.language, p.zone, p.text, p.attrs, schema.At(now.AddDate(0, 0, -p.days)))
	}
	exec(`insert into subscriptions (list_id, subscriber_id, state, created_at, changed_at) values (1, 1, 'active', 1, 1), (1, 2, 'active', 1, 1), (1, 3, 'unsubscribed', 1, 1)`)
}

// find returns the ids that a rule finds, as text.
func find(tb testing.TB, db *schema.DB, rule string) (string, error) {
	tb.Helper()
	r, err := segment.Parse(rule)
	if err != nil {
		return "", err
	}
	var args []any
	cond, err := r.SQL(segment.Env{Now: now, Lists: map[string]int64{"weekend": 1}, Arg: func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}})
	if err != nil {
		return "", err
	}
	rows, err := db.Read.QueryContext(tb.Context(), `select u.id, (`+cond+`) is null from subscribers u where `+cond+` or (`+cond+`) is null order by u.id`, args...)
	if err != nil {
		return "", fmt.Errorf("%s: %w", cond, err)
	}
	defer rows.Close()
	out := ""
	for rows.Next() {
		var id int64
		var null bool
		if err := rows.Scan(&id, &null); err != nil {
			return "", err
		}
		if null {
			return "", fmt.Errorf("neither true nor false for reader %d: %s", id, cond)
		}
		out += fmt.Sprint(id)
	}
	return out, rows.Err()
}

func TestRules(t *testing.T) {
	rules := map[string]string{
		`language == "en"`:                                        "1",
		`language != "en"`:                                        "2345",
		`language startsWith "en"`:                                "13",
		`language in ["ur", "de"]`:                                "24",
		`language not in ["ur", "de"]`:                            "135",
		`language == ""`:                                          "5",
		`domain == "example.com"`:                                 "1",
		`domain == "EXAMPLE.com"`:                                 "1",
		`domain == "bücher.example"`:                              "4",
		`domain endsWith ".pk"`:                                   "2",
		`domain endsWith "example.com"`:                           "15",
		`domain contains "example"`:                               "12345",
		`domain startsWith "mail."`:                               "2",
		`domain != "example.com"`:                                 "2345",
		`email == "ADA@example.com"`:                              "1",
		`email contains "'"`:                                      "3",
		`email endsWith "@example.org"`:                           "3",
		`name contains "Lovelace"`:                                "1",
		`name contains "خان"`:                                     "2",
		`name startsWith "JÖRG"`:                                  "4",
		`name == ""`:                                              "5",
		`name == "o'neil; drop table"`:                            "3",
		`zone startsWith "Europe/"`:                               "14",
		`zone == "europe/london"`:                                 "",
		`attrs.city == "London"`:                                  "1",
		`attrs["city"] == "london"`:                               "5",
		`attrs.country != "PK"`:                                   "1",
		`not (attrs.country == "PK")`:                             "1345",
		`attrs.country not in ["PK"]`:                             "1",
		`attrs.country == nil`:                                    "345",
		`attrs.country != nil`:                                    "12",
		`attrs.x == ""`:                                           "4",
		`attrs.city endsWith "0%"`:                                "4",
		`attrs.city contains "_"`:                                 "",
		`text_only`:                                               "25",
		`not text_only`:                                           "134",
		`text_only == false`:                                      "134",
		`created >= daysAgo(10)`:                                  "12",
		`created < "2026-01-01"`:                                  "45",
		`list("weekend")`:                                         "12",
		`!list("weekend")`:                                        "345",
		`list("weekend") and language == "ur" or text_only`:       "25",
		`list("weekend") && (language == "ur" || name == "x")`:    "2",
		`true and not (language == "en")`:                         "2345",
		"language == \"en\"\n  // the English\n  or zone == \"\"": "135",
		`name == "\"; delete from subscribers; --"`:               "",
	}
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		people(t, db)
		for rule, want := range rules {
			if got, err := find(t, db, rule); err != nil || got != want {
				t.Errorf("%s: got %q, %v; want %q", rule, got, err, want)
			}
		}
	})
}

func TestErrorsNameThePlace(t *testing.T) {
	tests := []struct{ rule, want string }{
		{"", "1:1: the rule is empty"},
		{"  \n ", "1:1: the rule is empty"},
		{"true", "says nothing about the reader"},
		{"not false or true", "says nothing about the reader"},
		{`langauge == "en"`, `1:1: "langauge" is not known; did you mean language?`},
		{"language == \"en\" and\n  txt_only", `2:3: "txt_only" is not known; did you mean text_only?`},
		{`language`, `language is a text; compare it`},
		{`language == en`, `1:13: put quotes round the text: "en"`},
		{`"en" == language`, "1:1: put what is compared first"},
		{`language matches "e.*"`, "matches is not for texts"},
		{`language < "en"`, "< is not for texts"},
		{`name contains ""`, "write what it should hold"},
		{`created > 5`, "1:11: a date is missing here"},
		{`created > "yesterday"`, `"yesterday" is not a date`},
		{`created == "2026-01-01"`, "compare it with <"},
		{`created > daysAgo("x")`, "daysAgo(30)"},
		{`attrs == "x"`, "attrs.city"},
		{`attrs.City == "x"`, "use a–z"},
		{`attrs["a'b"] == "x"`, "use a–z"},
		{`atrs.city == "x"`, "did you mean attrs?"},
		{`list(weekend)`, "one name in quotes"},
		{`lst("weekend")`, "did you mean list?"},
		{`list("weekand")`, `1:6: there is no list "weekand"; did you mean weekend?`},
		{`language == "en" and`, "1:"},
		{`len(name) > 3`, "1:"},
		{`filter(name, true)`, "1:"},
		{`language in []`, "texts in brackets"},
		{`language in ["a", b]`, "put quotes round"},
		{`let x = 1; x`, "1:"},
		{`language == "a" ? true : false`, "1:"},
		{"name == \"a\u0000b\"", "control characters"},
		{strings.Repeat("(", 5000), "longer than"},
		{strings.Repeat("(", 3000), "1:"},
		{`zone == nil`, "only an attribute can be missing"},
		{`1 < created < 2`, "1:"},
	}
	db := schematest.SQLite(t)
	people(t, db)
	for _, tt := range tests {
		_, err := find(t, db, tt.rule)
		var e *segment.Error
		if !errors.As(err, &e) || !strings.Contains(fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message), tt.want) {
			t.Errorf("%.60q: got %v, want an error with %q", tt.rule, err, tt.want)
		}
	}
}

// What a person who is no programmer writes is answered in his words.
func TestErrorsAreForPeople(t *testing.T) {
	for rule, want := range map[string]string{
		`language = "ur"`:                      "at character 10: write == for “is” and != for “is not”",
		`language is "ur"`:                     "at character 10: write == for",
		`language <> "ur"`:                     "write != for “is not”",
		`language == "ur" and`:                 "the rule ends too early",
		`(language == "ur"`:                    "a ) is missing",
		`language == "ur")`:                    "there is a ) without a ( before it",
		`language == "ur`:                      "a quotation mark is missing",
		`language == “ur”`:                     "at character 13: write straight quotation marks",
		`language == "ur" & name == "x"`:       "write and, or &&",
		`language == "ur" AND name == "x"`:     "write and in small letters",
		`email like "%x"`:                      "write contains, startsWith or endsWith",
		`city == "Lahore"`:                     `"city" is not known; a rule speaks of email,`,
		`foo > 3`:                              `"foo" is not known; a rule speaks of`,
		`list == "morning"`:                    `list needs a name: list("daily")`,
		`name == "x" #`:                        "# does not belong here",
		`attrs.city == "La" "x"`:               `"x" does not belong here`,
		"language == \"ur\" &&\n name = \"x\"": "in line 2, character 7: write ==",
	} {
		_, err := segment.Parse(rule)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "token") {
			t.Errorf("%s: got %v, want %s", rule, err, want)
		}
	}
}

// FuzzParse: whatever is accepted becomes SQL that runs, is true or false for
// everybody, and holds no text of the rule that is not an argument.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`language == "en"`, `attrs.city in ["a", "b"] or not list("weekend")`, `created >= daysAgo(3)`, `name endsWith "x" && domain != "y"`, `attrs.x == nil`, `not (text_only)`, `((((`, `name == "'\"\\"`, `attrs["a"]["b"] == 1`, `-1`, `a.b()?.c`} {
		f.Add(s)
	}
	db := schematest.SQLite(f)
	people(f, db)
	f.Fuzz(func(t *testing.T, rule string) {
		_, err := find(t, db, rule)
		var e *segment.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q: %v", rule, err)
		}
		if e != nil && (e.Line < 1 || e.Column < 1 || e.Message == "") {
			t.Fatalf("%q: error without a place: %+v", rule, e)
		}
	})
}

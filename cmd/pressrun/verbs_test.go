package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"pressrun/cmd/pressrun/demo"
	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
)

// deskless is an installation that is worked with by verbs alone.
type deskless struct {
	*testing.T
	dir, config string
}

// verb runs pressrun and returns exit code, standard output and standard error.
func (d *deskless) verb(in string, args ...string) (code int, out, errs string) {
	d.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append([]string{"--config", d.config}, args...), strings.NewReader(in), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// open opens the newsroom in this process, which closes it.
func (d *deskless) open() *Press {
	d.Helper()
	c, err := LoadConfig(d.config)
	if err != nil {
		d.Fatal(err)
	}
	p, err := Open(d.Context(), c, time.Now, logTo(io.Discard, slog.LevelInfo))
	if err != nil {
		d.Fatal(err)
	}
	return p
}

func (d *deskless) path(name string) string { return filepath.Join(d.dir, name) }

// newDeskless sets a newsroom up with init, for a paper with twelve articles of the last day.
func newDeskless(t *testing.T) (*deskless, *paper) {
	t.Helper()
	t.Setenv("PRESSRUN_FETCH_DELAY", "0s")
	site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 2*time.Hour)
	d := &deskless{T: t, dir: t.TempDir()}
	d.config = d.path("press.toml")
	schematest.SQLiteFile(t, d.path("press.db"))
	code, out, errs := d.verb("", "init", "--json", "--site", site.URL+"/feed", "--dir", d.dir, "--allow", "127.0.0.0/8", "--postal", "2 Quay Street, Port Ellery")
	if code != 0 {
		t.Fatalf("init: exit %d: %s", code, errs)
	}
	if oneDocument(t, "init", out); !strings.Contains(out, `"title": "Story`) && !strings.Contains(out, `"reason"`) {
		t.Errorf("init --json does not tell the draft's stories: %s", out)
	}
	return d, site
}

// oneDocument requires that a text is one JSON document and nothing else.
func oneDocument(t *testing.T, what, text string) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	var v any
	if strings.Contains(text, `"0001-01-01`) {
		t.Errorf("%s: a time that is none is told as the year 1: %.3000s", what, text)
	}
	if err := dec.Decode(&v); err != nil {
		t.Errorf("%s: not JSON: %v: %.200s", what, err, text)
		return nil
	}
	if err := dec.Decode(new(any)); err != io.EOF {
		t.Errorf("%s: more than one document: %.300s", what, text)
	}
	for _, at := range nulls(v) {
		t.Errorf("%s: %s is null: what reads it wants a list, or no such key", what, at)
	}
	return v
}

// nulls are the places in a JSON document where null stands.
func nulls(v any) (found []string) {
	inside := func(key string, v any) {
		if v == nil {
			found = append(found, key)
		}
		for _, at := range nulls(v) {
			found = append(found, key+"."+at)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, each := range v {
			inside(key, each)
		}
	case []any:
		for n, each := range v {
			inside(strconv.Itoa(n), each)
		}
	}
	return found
}

// withoutJSON are the verbs that print no JSON document of their own: why.
var withoutJSON = map[string]string{
	"serve":             "runs until it is ended",
	"demo":              "is run with --once --json by ./test",
	"init":              "is run first",
	"bench send":        "measures; it is run by hand",
	"feed parse":        "is JSON by itself, read by TestEndToEnd",
	"extract":           "is JSON by itself, read by TestEndToEnd",
	"summarize":         "JSON lines in and out, read by TestEndToEnd",
	"story cluster":     "JSON lines in and out",
	"trend replay":      "JSON lines in and out",
	"address check":     "JSON lines in and out",
	"bounce classify":   "JSON lines out",
	"subscriber export": "is CSV: the form that import reads",
}

// TestVerbsPrintOneJSONDocument runs verbs with --json, and requires one
// document on standard output and the documented exit code of each.
func TestVerbsPrintOneJSONDocument(t *testing.T) {
	d, site := newDeskless(t)
	write := func(name, text string) string {
		if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return d.path(name)
	}
	readers := write("readers.csv", "email,name\nann@readers.example,Ann\nbob@readers.example,Bob\n")
	mail := write("not-ours.eml", "From: a@b.example\r\nMessage-ID: <x@b.example>\r\n\r\nHello\r\n")
	log := write("access.log", fmt.Sprintf("192.0.2.1 - - [%s] \"GET /news/story-3/ HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 Firefox/140.0\"\n", time.Now().Format("02/Jan/2006:15:04:05 -0700")))
	code, toml, errs := d.verb("", "newsletter", "export", "morning")
	if code != 0 {
		t.Fatal(errs)
	}
	spec := write("morning.toml", strings.Replace(toml, "UTC", "Europe/Berlin", 1))
	var done []string
	for _, c := range []struct {
		want int
		line string
	}{
		{0, "version"}, {0, "completion bash"}, {0, "config check"}, {0, "migrate"}, {0, "backup " + d.path("backup")}, {1, "backup " + d.path("backup")}, {1, "restore " + d.path("backup")}, {1, "restore " + d.dir}, {2, "bench send --to smtp://127.0.0.1:1 --readers 0"}, {0, "doctor redis"}, {0, "doctor"}, {1, "doctor serve --listen 127.0.0.1:1"},
		{0, "source ls"}, {0, "source test " + site.URL + "/feed"}, {0, "source set 1 --title Gazette --pictures none --flag tag:Opinion=opinion --block lottery --body div.text"}, {1, "source set 1 --flag nonsense"}, {1, "source set 1 --body [["}, {0, "source set 1 --no-flags --no-filter --pictures= --body="}, {1, "source test http://127.0.0.1:1/feed"}, {0, "source add " + site.URL + "/feed"}, {1, "source add http://127.0.0.1:1/"}, {0, "source pull"}, {0, "source pause 1"}, {0, "source pause 1 --resume"}, {1, "source rm 1"}, {1, "source rm 99"},
		{0, "story ls"}, {0, "story show 1"}, {1, "story show 99999"}, {0, "story merge 2 1"}, {0, "story split 1 2"}, {1, "story split 1 99"}, {0, "story block 3"}, {0, "story block 3 --undo"}, {0, "story flag 3 opinion"}, {1, "story flag 3 funny"}, {0, "story hold 3 --until 2030-01-01T00:00Z"}, {2, "story hold 3 --until soon"}, {0, "story hold 3"}, {0, "story hold https://news.example/later --until 2030-01-01T00:00Z"}, {0, "story flag https://news.example/later legal"}, {1, "story flag https://news.example/later funny"}, {0, "story block " + site.link(1)}, {0, "story block " + site.link(1) + " --undo"}, {1, "story block later"}, {0, "story waiting"}, {0, "story waiting --drop 1"}, {1, "story waiting --drop 1"}, {0, "story pin 1 --for 24h"}, {1, "story pin 99999"}, {0, "story boost 1 1.5"}, {1, "story boost 1 9"}, {0, "story update 1"},
		{0, "trend ls"}, {0, "trend explain 1"}, {0, "trend ingest-log --site " + site.URL + " " + log},
		{0, "newsletter ls"}, {0, "newsletter apply -f " + spec}, {0, "newsletter export morning"}, {0, "newsletter next 3"}, {0, "newsletter simulate --days 2"}, {1, "newsletter simulate evening"}, {0, "newsletter pause morning"}, {0, "newsletter pause morning --resume"},
		{0, "list add evening"}, {0, "list set evening --private --title Evening"}, {0, "list ls"},
		{0, "segment set urdu language=='ur'"}, {0, "segment ls"}, {0, "segment try urdu --list morning"}, {0, "segment rm urdu"},
		{0, "subscriber import " + readers + " --list morning --source fair"}, {0, "subscriber import " + readers + " --list morning --source fair --yes"}, {0, "subscriber ls"}, {0, "subscriber imports"}, {0, "subscriber undo 1"}, {1, "subscriber undo 1"}, {1, "subscriber undo 99"},
		{0, "subscriber add cyd@readers.example --list morning,evening --source fair"}, {0, "subscriber show cyd@readers.example"}, {1, "subscriber show nobody@readers.example"},
		{0, "subscriber pause cyd@readers.example --list morning"}, {0, "subscriber move cyd@readers.example dan@readers.example"}, {0, "subscriber leave dan@readers.example --list evening"}, {0, "subscriber leave dan@readers.example"},
		{1, "subscriber forget dan@readers.example"}, {0, "subscriber forget dan@readers.example --yes"},
		{0, "suppression add eve@readers.example --note asked"}, {0, "suppression ls"}, {0, "suppression ls --search nobody"}, {0, "subscriber ls --search nobody"}, {0, "suppression rm eve@readers.example"}, {0, "subscriber add fay@readers.example --list morning --source fair"},
		{0, "issue ls"}, {0, "issue show 1"}, {0, "issue edit 1 --subject Ferries"}, {0, "issue rebuild 1"}, {0, "issue check 1"}, {0, "issue preview 1 --out " + d.path("out")}, {0, "issue render --in " + d.path("issue.json") + " --out " + d.path("rendered") + " --offline"},
		{0, "issue test 1 --to ann@readers.example"}, {0, "issue approve 1"}, {0, "issue hold 1"}, {0, "issue send 1"}, {0, "issue status 1"}, {0, "issue why 1 fay@readers.example"},
		{0, "delivery ls --issue 1"}, {1, "delivery ls --issue 99"}, {1, "delivery show 99"}, {0, "delivery reconcile"}, {0, "delivery retry 1"}, {0, "delivery retry --issue 1 --state failed"}, {1, "delivery retry --issue 99 --state failed"}, {2, "delivery retry --issue 1 --state accepted"}, {2, "delivery retry"}, {0, "issue pause 1"}, {0, "issue resume 1"}, {0, "issue cancel 1 --why test"}, {0, "issue correct 1 --text wrong"}, {0, "issue correct 1 --withdraw 1"}, {1, "issue correct 1 --withdraw 9"}, {1, "issue correct 1 --text wrong --edition xx"}, {2, "issue correct 1"},
		{1, "issue verify " + mail}, {0, "issue build morning"}, {1, "issue skip 1 --why late"},
		{0, "user add ed@news.example --role editor"}, {0, "user ls"}, {0, "user link ed@news.example"}, {0, "user rm ed@news.example"}, {0, "token add cms --for 8760h"}, {1, "token add cms"}, {2, "token add x --role king"}, {0, "token ls"}, {0, "token rm cms"}, {1, "token rm cms"}, {0, "audit"},
		{0, "key ls"}, {1, "key retire k1"}, {0, "key add --in 0s"}, {2, "key add --in=-1s"}, {1, "key retire k1"}, {0, "key retire k1 --force"}, {1, "key retire k9"},
		{0, "dkim new --domain news.example --dir " + d.dir}, {0, "dkim ls"}, {0, "bounce ls"}, {1, "bounce poll"}, {1, "bounce address"}, {0, "stop"}, {0, "start"}, {1, "arm --code 123456"}, {0, "disarm"},
		{2, "issue show"}, {2, "no such verb"}, {2, "issue show 1 --nonsense"}, {0, "issue ls -n 1"}, {2, "issue ls -n 0"}, {1, "issue ls --newsletter 5"}, {2, "newsletter next morning"},
		{1, "subscriber ls --list night"}, {1, "subscriber export --list night"}, {2, "subscriber ls --state here"}, {2, "suppression ls --reason none"}, {2, "subscriber pause fay@readers.example --list morning --days=-3"},
		{2, "issue edit 1 --story 1 --to 0"}, {2, "issue edit 1 --story 1 --section middle"}, {2, "issue edit 1 --story 1 --review"},
	} {
		if strings.HasPrefix(c.line, "issue render") {
			_, out, _ := d.verb("", "issue", "show", "1", "--json")
			write("issue.json", out)
		}
		code, out, errs := d.verb("", append(strings.Fields(strings.ReplaceAll(c.line, "'", "\"")), "--json")...)
		if code != c.want {
			t.Errorf("%s: exit %d, want %d: %s", c.line, code, c.want, errs)
		}
		if code == 0 || out != "" {
			oneDocument(t, c.line, out)
		}
		if code != 0 && !strings.HasPrefix(errs, "pressrun") && !strings.Contains(errs, "\npressrun") {
			t.Errorf("%s: exit %d without a word: %q", c.line, code, errs)
		}
		done = append(done, c.line+" ")
	}
	for _, leaf := range leaves(t) {
		_, known := withoutJSON[leaf]
		if ran := slices.ContainsFunc(done, func(line string) bool { return strings.HasPrefix(line, leaf+" ") }); !ran && !known {
			t.Errorf("%s is not run with --json here", leaf)
		}
	}
	if code, out, errs := d.verb("email\ngil@readers.example\n", "subscriber", "import", "-", "--list", "morning", "--source", "fair"); code != 0 || !strings.Contains(out, "1 new reader") {
		t.Errorf("readers from standard input: exit %d, %s%s", code, out, errs)
	}
}

// leaves are all commands that do something: "issue show".
func leaves(t *testing.T) []string {
	t.Helper()
	var v verbs
	parser, err := kong.New(&v)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, leaf := range parser.Model.Leaves(false) {
		out = append(out, firstWords(leaf.Path()))
	}
	return out
}

// TestRenderIsTheSlotsOwn requires that the files which issue render writes are
// those of the slot's issue, byte for byte.
func TestRenderIsTheSlotsOwn(t *testing.T) {
	d, _ := newDeskless(t)
	_, doc, _ := d.verb("", "issue", "show", "1", "--json")
	if code, _, errs := d.verb("", "issue", "preview", "1", "--out", d.path("sent")); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := d.verb(doc, "issue", "render", "--in", "-", "--out", d.path("rendered"), "--offline", "--json")
	if code != 0 {
		t.Fatal(errs)
	}
	for _, ext := range []string{".html", ".txt", ".eml", "-text.txt", "-text.eml"} {
		want, err := os.ReadFile(d.path("sent/edition-en" + ext))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(d.path("rendered/edition" + ext))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("edition%s is not the slot's (%v, %d and %d bytes)", ext, err, len(got), len(want))
		}
	}
	var shown struct{ Editions []struct{ Name, Hash string } }
	var made rendered
	if err := json.Unmarshal([]byte(doc), &shown); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	if len(made.Editions) != len(shown.Editions) || len(made.Editions) == 0 {
		t.Fatalf("%d editions rendered, %d sealed", len(made.Editions), len(shown.Editions))
	}
	for n, e := range shown.Editions {
		if made.Editions[n].Seal != e.Hash {
			t.Errorf("edition %s: sealed %s, rendered %s", e.Name, e.Hash, made.Editions[n].Seal)
		}
	}
	file, err := os.ReadFile(d.path("rendered/preflight.json"))
	if err != nil || !made.OK || len(made.Checks) < 10 {
		t.Errorf("preflight.json: %v: %s", err, file)
	}
}

// What is not found is to be looked up in the list of its own noun, and an edit
// changes what it names and nothing beside.
func TestVerbsSayWhereToLook(t *testing.T) {
	d, _ := newDeskless(t)
	for line, want := range map[string]string{
		"issue build evening": "pressrun newsletter ls", "issue why 99 ann@readers.example": "pressrun issue ls", "story show 999": "pressrun story ls", "user link nobody@news.example": "pressrun user ls",
		"subscriber show nobody@readers.example": "pressrun subscriber ls", "subscriber add ann@readers.example --list evening --source fair": "pressrun list ls", "subscriber undo 9": "pressrun subscriber imports",
		"issue resume 1": "issue 1 is held", "delivery show 9": "pressrun delivery ls --issue", "issue edit 1 --story 999 --drop": "pressrun issue show 1",
	} {
		if code, _, errs := d.verb("", strings.Fields(line)...); code != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %q; want %q", line, code, errs, want)
		}
	}
	if _, out, _ := d.verb("", "doctor", "serve", "--listen", "127.0.0.1:1"); !strings.Contains(out, "nothing listens at 127.0.0.1:1; it is started with: pressrun serve") {
		t.Errorf("doctor serve: %s", out)
	}
	d.verb("", "issue", "edit", "1", "--preheader", "And the weather")
	if _, out, errs := d.verb("", "issue", "edit", "1", "--subject", "Ferries", "--json"); !strings.Contains(out, "And the weather") || !strings.Contains(out, "Ferries") {
		t.Errorf("a new subject takes the line after it away: %s%s", out, errs)
	}
}

// What is wrong with a value on the command line is said without words of the
// program's own, before anything is opened.
func TestCommandLineInWords(t *testing.T) {
	d := &deskless{T: t, config: filepath.Join(t.TempDir(), "none.toml")}
	for line, want := range map[string]string{
		"token add cms --for 30":                   `--for: "30" is not a length of time; write for instance 45m, 24h or 30d`,
		"token add cms --for=":                     `--for: "" is not a length of time`,
		"source add site --fresh=-1h":              `--fresh: "-1h" is not a length of time`,
		"issue show first":                         `<id>: "first" is not a number`,
		"issue ls -n few":                          `--n: "few" is not a number from 1`,
		"subscriber ls --page 9223372036854775807": `--page: "9223372036854775807" is not a number from 1 to 1000000000`,
		"issue ls --newsletter":                    `--newsletter: its value is missing`,
		"subscriber ls --state here":               `--state must be one of "pending","active","paused","unsubscribed","expired","suppressed" but got "here"`,
		"delivery ls --issue 1 --state here":       `--state "here" is no state of a copy; write one of queued, claimed, deferred, `,
	} {
		if code, _, errs := d.verb("", strings.Fields(line)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %q; want %q", line, code, errs, want)
		}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	waits, never := io.Pipe()
	defer never.Close()
	time.AfterFunc(50*time.Millisecond, interrupt)
	if code := run(ctx, []string{"address", "check"}, waits, io.Discard, io.Discard); code != exitFailed {
		t.Errorf("interrupted while it waits for input: exit %d", code)
	}
	unwritable, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer unwritable.Close()
	if code := run(t.Context(), []string{"version"}, nil, unwritable, io.Discard); code != exitFailed {
		t.Errorf("what it says is lost: exit %d", code)
	}
	if code := run(t.Context(), []string{"--version"}, nil, io.Discard, io.Discard); code != 0 {
		t.Errorf("--version: exit %d", code)
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"help", "issue", "ls"}, nil, &out, io.Discard); code != 0 || !strings.Contains(out.String(), "Usage: pressrun issue ls") {
		t.Errorf("help issue ls: exit %d, %s", code, &out)
	}
}

// A person may write an issue by hand; what is wrong with it is said with its line.
func TestRenderReadsWhatAPersonWrites(t *testing.T) {
	d := &deskless{T: t, dir: t.TempDir()}
	good := `{"issue": {"newsletter": "morning", "number": 4, "slot_at": "2026-05-01T05:00:00Z"},
"spec": {"title": "Morning", "from": "News <digest@news.example>", "zone": "Europe/Berlin", "brand": {"name": "The News", "url": "https://news.example", "postal": "1 Quay Street"}},
"stories": [{"section": "trending", "title": "Ferry returns", "summary": "It is back.", "story": {"url": "https://news.example/1"}},
 {"title": "Bridge opens", "summary": "At noon.", "story": {"url": "https://news.example/2"}},
 {"title": "پل کھل گیا", "summary": "دوپہر کو۔", "story": {"url": "https://news.example/3", "language": "ur"}}]}`
	for _, c := range []struct{ name, text, want string }{
		{"as it should be", good, ""},
		{"an unknown key", strings.Replace(good, `"number"`, `"nummer"`, 1), `unknown field "nummer"`},
		{"a wrong type", strings.Replace(good, `"number": 4`, `"number": "four"`, 1), "line 1: issue.number cannot be a string"},
		{"broken", strings.Replace(good, `"zone":`, `"zone"`, 1), "line 2:"},
		{"cut off", good[:200], "ends too early"},
		{"empty", "", "ends too early"},
		{"no sender", strings.Replace(good, `"from": "News <digest@news.example>",`, "", 1), "spec.from is missing"},
		{"no story", good[:strings.Index(good, `"stories"`)] + `"stories": []}`, "no edition has a story"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, errs := d.verb(c.text, "issue", "render", "--in", "-", "--out", d.path("out"), "--offline")
			if c.want == "" && code != 0 || c.want != "" && (code != 1 || !strings.Contains(errs, c.want)) {
				t.Errorf("exit %d: %s; want %s", code, errs, c.want)
			}
		})
	}
	html, err := os.ReadFile(d.path("out/edition.html"))
	if err != nil || !strings.Contains(string(html), "Ferry returns") || !strings.Contains(string(html), `dir="rtl"`) {
		t.Errorf("edition.html: %v", err)
	}
}

// Who left the demo, or was erased, stays away when it runs once more there.
func TestDemoAgainWithoutWhoLeft(t *testing.T) {
	dir := t.TempDir()
	schematest.SQLiteFile(t, filepath.Join(dir, "press.db"))
	n, err := (&demoVerb{Dir: dir}).open(&env{ctx: t.Context(), out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { n.web.Close(); n.news.Close(); n.close() }()
	s, people := n.press.Subscribers, demo.Subscribers(3, 1)
	for _, name := range []string{demo.ListMorning, demo.ListEvening, demo.ListWeekend} {
		if _, err := s.CreateList(t.Context(), subscribers.List{Name: name, Title: name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.importPeople(t.Context(), people); err != nil {
		t.Fatal(err)
	}
	for i, leave := range []func(id int64) error{
		func(id int64) error { return s.Unsubscribe(t.Context(), id, 0, "one click") },
		func(id int64) error { return s.Forget(t.Context(), id, "the reader") },
	} {
		v, err := s.Find(t.Context(), people[i].Email)
		if err == nil {
			err = leave(v.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := n.importPeople(t.Context(), people); err != nil {
		t.Fatal(err)
	}
	v, err := s.Find(t.Context(), people[0].Email)
	if err != nil {
		t.Fatal(err)
	}
	have, err := s.Subscriptions(t.Context(), v.ID)
	if err != nil || len(have) == 0 || slices.ContainsFunc(have, func(l subscribers.Subscription) bool { return l.State != subscribers.Unsubscribed }) {
		t.Errorf("who left is on %+v, %v", have, err)
	}
	if _, err := s.Find(t.Context(), people[1].Email); !errors.Is(err, subscribers.ErrNotFound) {
		t.Errorf("who was erased is back: %v", err)
	}
}

// The verbs work on the demo's newsroom by the press.toml it leaves, again when it
// runs once more there; a real newsroom is not made a demo.
func TestDemoLeavesAConfiguration(t *testing.T) {
	d := &deskless{T: t, dir: t.TempDir()}
	d.config = d.path("press.toml")
	schematest.SQLiteFile(t, d.path("press.db"))
	for range 2 {
		n, err := (&demoVerb{Dir: d.dir}).open(&env{ctx: t.Context(), out: io.Discard, err: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"config check", "issue ls", "list add night", "doctor redis"} {
			if code, _, errs := d.verb("", strings.Fields(line)...); code != 0 && !strings.Contains(errs, "taken") {
				t.Errorf("%s: exit %d: %s", line, code, errs)
			}
		}
		if c, err := LoadConfig(d.config); err != nil || c.PublicURL != n.press.Config.PublicURL || c.Keys != n.press.Config.Keys || c.Journal != n.press.Config.Journal {
			t.Errorf("its configuration is not the demo's: %+v, %v", c, err)
		}
		go http.Serve(n.web, n.press.Handler())
		if _, err := (&demoVerb{Dir: d.dir}).open(&env{ctx: t.Context(), out: io.Discard, err: io.Discard}); err == nil || !strings.Contains(err.Error(), n.press.Config.PublicURL+"; end it, or choose another --dir") {
			t.Errorf("a second one beside it: %v", err)
		}
		n.web.Close()
		n.news.Close()
		n.close()
	}
	if err := os.WriteFile(d.config, []byte("database = \"press.db\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&demoVerb{Dir: d.dir}).open(&env{ctx: t.Context(), out: io.Discard, err: io.Discard}); err == nil || !strings.Contains(err.Error(), "no demo") {
		t.Errorf("a real newsroom: %v", err)
	}
}

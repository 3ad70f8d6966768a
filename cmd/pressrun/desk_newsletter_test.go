package main

import (
	"fmt"
	"html"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pressrun/digest"
	"pressrun/subscribers"
)

var (
	codeField    = regexp.MustCompile(`(?s)<textarea[^>]*name="text"[^>]*>(.*?)</textarea>`)
	versionField = regexp.MustCompile(`name="version" value="(\d+)"`)
)

// TestNewsletterAtTheDesk: an operator changes a newsletter as the file that it
// is, sees what is wrong in which line with what he wrote still there, does not
// overwrite what another has saved meanwhile, goes back to an older version, and
// adds another.
func TestNewsletterAtTheDesk(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	call := r.as(t, "op@news.example", "operator")
	if page := call(400, "POST", "/desk/lists", "name=No+Name"); !strings.Contains(page, "Use up to 32 of") || !strings.Contains(page, `value="No Name"`) {
		t.Error("a wrong name of a list is answered without a word, or is gone")
	}
	if page := call(400, "POST", "/desk/lists", "name=morning&language=klingonish"); !strings.Contains(page, "is not a language") {
		t.Error("a wrong language of a list is answered without a word")
	}
	call(200, "POST", "/desk/lists", "name=morning&title=Morning+Digest&language=ur&public=no")
	if page := call(400, "POST", "/desk/lists", "name=morning"); !strings.Contains(page, "already") {
		t.Error("a list twice is answered without a word")
	}
	if page := call(200, "GET", "/desk/lists", ""); !strings.Contains(page, "Morning Digest") || !strings.Contains(page, "not offered") {
		t.Error("the list is not there as it was made")
	}
	if _, _, err := r.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{List: "morning", Schedule: "0 7 * * *", Zone: "Asia/Karachi", From: "Morning <m@news.example>", Brand: testBrand}, "test"); err != nil {
		t.Fatal(err)
	}

	const at = "/desk/newsletters/1"
	page := call(200, "GET", at, "")
	plan := regexp.MustCompile(`title="0 7 \* \* \*">every day 07:00 Asia/Karachi</span> <span class="note">next: \w+ \d+ \w+ 07:00 PKT</span>`)
	if list := call(200, "GET", "/desk/newsletters?q=every+day", ""); !plan.MatchString(list) || !plan.MatchString(page) {
		t.Errorf("the schedule is not told in words: %s", list)
	}
	for _, want := range []string{"Asia/Karachi", "07:00 PKT", "version 1", "most words of a summary, 10 to 200; 0 = 60"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	file := func(page string) (text, version string) {
		t.Helper()
		code, v := codeField.FindStringSubmatch(page), versionField.FindStringSubmatch(page)
		if code == nil {
			t.Fatalf("no file in %s", page)
		}
		if v != nil {
			version = v[1]
		}
		return html.UnescapeString(code[1]), version
	}
	save := func(want int, path, text, version string) string {
		t.Helper()
		return call(want, "POST", path, url.Values{"do": {"save"}, "text": {strings.ReplaceAll(text, "\n", "\r\n")}, "version": {version}}.Encode())
	}
	text, v1 := file(page)
	for wrong, want := range map[string]string{
		strings.Replace(text, "words = 0", "words = 'many'", 1):         "words wants",
		strings.Replace(text, "words = 0", "wordz = 60", 1):             "unknown key",
		strings.Replace(text, "words = 0", "words = 5", 1):              "a summary has 10 to 200",
		strings.Replace(text, "list = 'morning'", "list = 'nobody'", 1): "make it first",
		strings.Replace(text, "name = 'morning'", "name = 'dawn'", 1):   "cannot be changed",
	} {
		page := save(400, at, wrong, v1)
		if kept, _ := file(page); !strings.Contains(page, want) || kept != wrong {
			t.Errorf("the page lacks %q, or what was written", want)
		}
	}
	save(200, at, text, v1)
	save(200, at, strings.Replace(text, "words = 0", "words = 80", 1), v1)
	n, err := r.Digest.Newsletter(ctx, "morning")
	if err != nil || n.Version != 2 || n.Spec.Words != 80 {
		t.Fatalf("saved once as it was and once changed: %+v, %v", n, err)
	}
	mine := strings.Replace(text, "sentences = 0", "sentences = 4", 1)
	page = save(409, at, mine, v1)
	kept, v2 := file(page)
	if kept != mine || v2 != "2" || !strings.Contains(page, "Somebody has saved version 2") {
		t.Errorf("another was faster: version %s, and the page says %s", v2, page)
	}
	save(200, at, mine, v2)
	if n, err = r.Digest.Newsletter(ctx, "morning"); err != nil || n.Version != 3 || n.Spec.Sentences != 4 || n.Spec.Words != 0 {
		t.Errorf("saved over it: %+v, %v", n, err)
	}
	page = call(200, "GET", at+"/versions/2", "")
	old, v3 := file(page)
	if !strings.Contains(old, "words = 80") || v3 != "3" || !strings.Contains(page, "The file below is version 2") {
		t.Errorf("version 2: %s", page)
	}
	call(404, "GET", at+"/versions/9", "")
	save(200, at, old, v3)
	if n, err = r.Digest.Newsletter(ctx, "morning"); err != nil || n.Version != 4 || n.Spec.Words != 80 {
		t.Errorf("gone back: %+v, %v", n, err)
	}

	text, _ = file(call(200, "GET", "/desk/newsletters/add", ""))
	if page := save(400, "/desk/newsletters/add", text, ""); !strings.Contains(page, "of a–z, 0–9 and -") {
		t.Error("a newsletter without a name is answered without a word")
	}
	if page := save(400, "/desk/newsletters/add", strings.Replace(text, "name = ''", "name = 'morning'", 1), ""); !strings.Contains(page, "choose another name") {
		t.Error("a name twice is answered without a word")
	}
	if page := save(400, "/desk/newsletters/add", strings.Replace(text, "name = ''", "name = '1'", 1), ""); !strings.Contains(page, "could be the number of another newsletter") {
		t.Error("a name that is a number is answered without a word")
	}
	save(200, "/desk/newsletters/add", strings.Replace(text, "name = ''", "name = 'evening'", 1), "")
	if n, err := r.Digest.Newsletter(ctx, "evening"); err != nil || n.Spec.Brand != testBrand || n.Spec.WithDefaults("evening").Mark != "evening" {
		t.Errorf("added: %+v, %v", n, err)
	}
	if log := r.say(t, "audit"); !strings.Contains(log, "newsletter evening") || !strings.Contains(log, "version 4") {
		t.Errorf("the audit says %s", log)
	}
	arabic, _, err := r.Digest.ApplyNewsletter(ctx, "nashra", digest.Spec{Language: "ar", List: "morning", From: "News <n@news.example>", Brand: testBrand}, "test")
	if err != nil {
		t.Fatal(err)
	}
	english := "no words of its own in ar"
	if page := call(200, "GET", fmt.Sprintf("/desk/newsletters/%d", arabic.ID), ""); !strings.Contains(page, english) || strings.Contains(call(200, "GET", at, ""), "words of its own") {
		t.Error("nothing says that the mails of an Arabic newsletter speak English around the stories, or an English one's page says it")
	}
	if list := r.examineNewsletters(ctx); !slices.ContainsFunc(list, func(f finding) bool { return f.OK && strings.HasSuffix(f.Text, english) }) {
		t.Errorf("the doctor says %+v, and not that mails speak English", list)
	}
	viewer := r.as(t, "v@news.example", "viewer")
	if page := viewer(200, "GET", at, ""); codeField.MatchString(page) {
		t.Error("a viewer is offered what he may not do")
	}
	viewer(403, "POST", at, "do=save")
	call(200, "POST", at, "do=pause")
	call(404, "POST", at, "do=remove")
	if n, err := r.Digest.Newsletter(ctx, "morning"); err != nil || n.State != "paused" {
		t.Errorf("after something that nobody can do to a newsletter it is %s, %v", n.State, err)
	}

	// Segments.
	if _, err := r.Subscribers.Add(ctx, subscribers.New{Subscriber: subscribers.Subscriber{Email: "ann@readers.example", Language: "ur"}, ListNames: []string{"morning"}, Consent: subscribers.Consent{Basis: subscribers.Express, Source: "fair"}}); err != nil {
		t.Fatal(err)
	}
	segment := func(want int, name, rule string) string {
		t.Helper()
		return call(want, "POST", "/desk/lists/segments", url.Values{"name": {name}, "rule": {rule}}.Encode())
	}
	if page := segment(400, "urdu", `language = "ur`); !strings.Contains(page, `has-problem`) || !strings.Contains(page, html.EscapeString(`language = "ur`)) {
		t.Errorf("a wrong rule: %s", page)
	}
	segment(400, "Ur Du", `language == "ur"`)
	segment(200, "urdu", `language == "ur"`)
	if list, err := r.Subscribers.Segments(ctx); err != nil || len(list) != 1 || list[0].Rule != `language == "ur"` {
		t.Errorf("segments %+v, %v", list, err)
	}
	call(200, "POST", "/desk/lists/segments", "do=forget:urdu")
	call(404, "POST", "/desk/lists/segments", "do=forget:urdu")
	viewer(403, "POST", "/desk/lists/segments", "do=forget:urdu")
}

// TestExportIsWhatWasApplied: a newsletter that was made by a program, without
// lists where a file has empty ones, comes back from its file as it was.
func TestExportIsWhatWasApplied(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	full := digest.Spec{List: "morning", From: "Morning <m@news.example>", Brand: testBrand, Seeds: []string{"seed@news.example"}, Trending: 5,
		Editions: []digest.EditionSpec{{Name: "en", Language: "en"}, {Name: "ur", Language: "ur", Languages: []string{"*"}, Sections: []string{"City"}}},
		Sponsors: []digest.Sponsor{{Name: "Ferry Line", Title: "Sail", Link: "https://ferry.example/", From: "2026-12-01"}},
		Regions:  map[string][]string{"Sindh": {"Karachi"}}, Tones: map[string]string{"latest": "line"}}
	for name, spec := range map[string]digest.Spec{"bare": {List: "morning", From: "Morning <m@news.example>", Brand: testBrand}, "full": full} {
		if _, _, err := r.Digest.ApplyNewsletter(ctx, name, spec, "test"); err != nil {
			t.Fatal(err)
		}
		first := r.say(t, "newsletter", "export", name)
		f, err := parseNewsletter("file", []byte(first))
		if err != nil {
			t.Fatal(err)
		}
		if n, changed, err := r.Digest.ApplyNewsletter(ctx, f.Name, f.Spec, "test"); err != nil || changed || n.Version != 1 {
			t.Errorf("%s: version %d, changed %v, %v", name, n.Version, changed, err)
		}
		if again := r.say(t, "newsletter", "export", name); again != first {
			t.Errorf("%s: exported again it is\n%s\nand was\n%s", name, again, first)
		}
	}
}

// An export shows every key that a newsletter may have; the tables it has none of
// stand behind a #, and are what they show when that is taken away.
func TestExportShowsEveryKey(t *testing.T) {
	var b strings.Builder
	bare := digest.Newsletter{Name: "bare", Spec: digest.Spec{List: "morning", From: "Morning <m@news.example>", Brand: testBrand}}
	if err := exportNewsletter(&b, bare); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for _, key := range configKeys(reflect.TypeFor[newsletterFile](), "") {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if !slices.ContainsFunc(lines, func(l string) bool {
			l = strings.Trim(l, "#[]")
			return l == last || strings.HasPrefix(l, last+" = ")
		}) {
			t.Errorf("the export shows no %s", key)
		}
	}
	if f, err := parseNewsletter("file", []byte(b.String())); err != nil || len(f.Regions)+len(f.Tones)+len(f.Sponsors)+len(f.Editions) != 0 {
		t.Errorf("an example counts: %+v, %v", f.Spec, err)
	}
	f, err := parseNewsletter("file", []byte(regexp.MustCompile(`(?m)^#(\S)`).ReplaceAllString(b.String(), "$1")))
	if err != nil || len(f.Regions) != 1 || len(f.Tones) != 2 || len(f.Sponsors) != 1 || len(f.Editions) != 1 {
		t.Errorf("without their # the examples are %+v, %v", f.Spec, err)
	}
	if bad := f.Spec.WithDefaults("bare").Check("bare"); len(bad) > 0 {
		t.Errorf("the examples are wrong: %v", bad)
	}
}

// Slots of a paused newsletter are none to come; whoever names it sees when it would
// go on, and that it is paused. A source that is not there is named at once.
func TestPausedNewsletterAndMissingSource(t *testing.T) {
	d, _ := newDeskless(t)
	_, spec, _ := d.verb("", "newsletter", "export", "morning")
	if code, out, errs := d.verb(regexp.MustCompile(`(?m)^sources = .*`).ReplaceAllString(spec, "sources = ['https://nowhere.example/']"), "newsletter", "apply", "-f", "-"); code != 0 || !strings.Contains(errs, "pressrun source add https://nowhere.example/") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	d.verb("", "newsletter", "pause", "morning")
	if _, out, _ := d.verb("", "newsletter", "simulate"); !strings.Contains(out, "nothing is scheduled") {
		t.Errorf("slots of a paused newsletter: %s", out)
	}
	code, out, errs := d.verb("", "newsletter", "next", "--name", "morning", "--json")
	if code != 0 || !strings.Contains(out, `"paused": true`) || !strings.Contains(errs, "newsletter morning is paused") {
		t.Errorf("%d %s %s", code, out, errs)
	}
}

package digest

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/fetch"
	"pressrun/templates"
)

// composed is a message with the header block that a real one has.
func composed(e templates.Email) ([]byte, error) {
	return fmt.Appendf(nil, "From: %s\r\nTo: a@b.example\r\nSubject: %s\r\nDate: x\r\nMessage-ID: <x>\r\nMIME-Version: 1.0\r\nList-ID: %s\r\n"+
		"List-Unsubscribe: <https://x.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n%s\r\n%s", e.From, e.Subject, e.ListID, e.HTML, e.Text), nil
}

// sampleDraft is a draft that nothing is wrong with.
func sampleDraft() Draft {
	d := Draft{Issue: Issue{ID: 7, Newsletter: "morning", Number: 3, SlotAt: noon}, Spec: Spec{Title: "Morning", From: "Morning <digest@news.example>",
		Brand: templates.Brand{Name: "The News", URL: "https://news.example/", Postal: "1 Quay Street"}}}
	for n := range 4 {
		d.Stories = append(d.Stories, Chosen{Title: fmt.Sprintf("Council votes on plan %d", n), Summary: "The council voted.",
			Story: Story{URL: fmt.Sprintf("https://news.example/%d", n), Image: fmt.Sprintf("https://news.example/%d.jpg", n), ImageAlt: "The council"}})
	}
	d.Fill()
	return d
}

func TestPreflight(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Draft, *Edition)
		check  string
		level  string
		repair string
	}{
		{"nothing is wrong", func(*Draft, *Edition) {}, "", "", ""},
		{"no subject", func(d *Draft, e *Edition) { e.Subject = " " }, "subject", "bad", HoldIssue},
		{"a long subject", func(d *Draft, e *Edition) { e.Subject = strings.Repeat("word ", 20) }, "subject", "warn", NoRepair},
		{"too large", func(d *Draft, e *Edition) { e.HTML += strings.Repeat(" ", templates.MaxHTML) }, "size", "bad", DropStory},
		{"no address to link to", func(d *Draft, e *Edition) { d.Stories[2].Story.URL = "javascript:alert(1)" }, "story", "bad", DropStory},
		{"the same page twice", func(d *Draft, e *Edition) { d.Stories[2].Story.URL = d.Stories[1].Story.URL }, "story", "bad", DropStory},
		{"no summary", func(d *Draft, e *Edition) { d.Stories[2].Summary = "" }, "story", "warn", NoRepair},
		{"too few stories", func(d *Draft, e *Edition) { d.Spec.MinStories = 5 }, "stories", "bad", HoldIssue},
		{"a header twice", func(d *Draft, e *Edition) { e.Message = append([]byte("Subject: two\r\n"), e.Message...) }, "headers", "bad", HoldIssue},
		{"no one-click", func(d *Draft, e *Edition) {
			e.Message = []byte(strings.Replace(string(e.Message), "=One-Click", "=No", 1))
		}, "headers", "bad", HoldIssue},
		{"a link to nowhere", func(d *Draft, e *Edition) { e.HTML += `<a href="/relative">x</a>` }, "links", "bad", HoldIssue},
		{"no way out", func(d *Draft, e *Edition) {
			e.HTML = strings.ReplaceAll(e.HTML, templates.Slot(templates.SlotUnsubscribe), "https://news.example/")
		}, "unsubscribe", "bad", HoldIssue},
		{"a text part without a way out", func(d *Draft, e *Edition) { e.Text = "Hello" }, "text", "bad", HoldIssue},
		{"no postal address", func(d *Draft, e *Edition) { d.Spec.Brand.Postal = MissingPostal + ": set brand.postal" }, "postal", "bad", HoldIssue},
		{"a picture without https", func(d *Draft, e *Edition) {
			e.HTML = strings.ReplaceAll(e.HTML, "https://news.example/0.jpg", "http://news.example/0.jpg")
			d.Stories[0].Story.Image = "http://news.example/0.jpg"
		}, "pictures", "bad", DropPicture},
		{"a picture on this machine", func(d *Draft, e *Edition) { e.HTML += `<img alt="" src="http://127.0.0.1:8081/x.png">` }, "pictures", "warn", NoRepair},
		{"a dead picture", func(d *Draft, e *Edition) {
			e.HTML = strings.ReplaceAll(e.HTML, "/0.jpg", "/dead.jpg")
			d.Stories[0].Story.Image = "https://news.example/dead.jpg"
		}, "pictures", "bad", DropPicture},
		{"a dead logo", func(d *Draft, e *Edition) { e.HTML += `<img alt="" src="https://news.example/dead.svg">` }, "pictures", "bad", HoldIssue},
		{"no alt", func(d *Draft, e *Edition) { e.HTML += `<img src="https://news.example/0.jpg">` }, "alt", "bad", DropPicture},
		{"an empty alt", func(d *Draft, e *Edition) {
			e.HTML = strings.ReplaceAll(e.HTML, `alt="The council"`, `alt=""`)
		}, "alt", "warn", NoRepair},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := sampleDraft()
			editions, left, err := (&Sealer{Compose: composed}).Render(d)
			if err != nil || len(left) > 0 {
				t.Fatalf("render: %v, left out %v", err, left)
			}
			c.change(&d, &editions[0])
			list := Preflight(d, editions, Look{Picture: func(address string) string {
				if strings.Contains(address, "dead") {
					return "is gone (HTTP 404)"
				}
				return ""
			}})
			var flaws []Finding
			for _, f := range list {
				if f.Repair == "" {
					t.Errorf("%+v names no repair", f)
				}
				if f.Level != "ok" {
					flaws = append(flaws, f)
				}
			}
			if c.check == "" && len(flaws) == 0 && len(list) >= 10 {
				return
			}
			if len(flaws) != 1 || flaws[0].Check != c.check || flaws[0].Level != c.level || flaws[0].Repair != c.repair {
				t.Errorf("got %+v, want one %s %s (%s)", flaws, c.level, c.check, c.repair)
			}
		})
	}
}

// A mail that would be larger than mail programs show loses its last stories,
// and the issue says so.
func TestLoadTooLargeAnIssueLosesItsLastStories(t *testing.T) {
	ctx := context.Background()
	r := newRoom(t, schematest.SQLite(t))
	r.sealer.Compose = composed
	i := r.draft(t)
	long := strings.TrimSpace(strings.Repeat("Bürger über Brücken. ", 90))
	for n := range 60 { // related links and long summaries: more than 95 KB
		id := r.tell(t, 100+n, 2*time.Hour, "en")
		err := r.DB.Write.QueryRowContext(ctx, `insert into issue_stories (issue_id, edition, story_id, section, position, title, summary)
				values ($1, 'en', $2, 'latest', $3, 'More news', $4) returning story_id`, i.ID, id, 100+n, long).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}
	}
	editions, err := r.sealer.Seal(ctx, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := r.Chosen(ctx, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	removed := 0
	for _, c := range chosen {
		if in := slices.Contains(editions[0].Stories, c.Story.ID); in != (c.State == "in") {
			t.Errorf("story %d is %s, in the mail: %v", c.Story.ID, c.State, in)
		}
		if c.State == "removed" {
			removed++
			if c.Position < 20 || !strings.Contains(c.Reason, "95 KB") {
				t.Errorf("%d. %q was removed: %s", c.Position, c.Title, c.Reason)
			}
		}
	}
	if n := len(editions[0].HTML); removed == 0 || n > templates.MaxHTML || n < templates.MaxHTML-10_000 {
		t.Errorf("%d stories removed, %d bytes left", removed, n)
	}
	if again, err := r.sealer.Seal(ctx, i.ID); err != nil || again[0].Hash != editions[0].Hash {
		t.Errorf("sealed again it is another edition: %v", err)
	}
}

func TestPicturesAreLookedAt(t *testing.T) {
	hits := 0
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		switch r.URL.Path {
		case "/good.png":
			w.Header().Set("Content-Type", "image/png")
			w.Write([]byte("png"))
		case "/page.png":
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<p>Moved"))
		case "/busy.png":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/large.png":
			w.Header().Set("Content-Type", "image/png")
			w.Write(make([]byte, maxPicture+1))
		case "/drawing.svg":
			w.Header().Set("Content-Type", "image/svg+xml; charset=utf-8")
			w.Write([]byte("<svg/>"))
		case "/dot.png":
			png.Encode(w, image.NewGray(image.Rect(0, 0, 1, 1)))
		case "/tower.png":
			png.Encode(w, image.NewGray(image.Rect(0, 0, 60, 240)))
		case "/portrait.png":
			png.Encode(w, image.NewGray(image.Rect(0, 0, 60, 120)))
		default:
			http.NotFound(w, r)
		}
	}))
	defer site.Close()
	now := noon
	p := &Pictures{Client: &fetch.Client{Delay: -1, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, Now: func() time.Time { return now }}
	var page strings.Builder
	want := map[string]string{"/good.png": "", "/page.png": "is no picture (text/html)", "/busy.png": "", "/large.png": "has 2.0 MB",
		"/drawing.svg": "is of a kind that many mail programs do not show (image/svg+xml)", "/dot.png": "has 1 × 1 pixels: that is a counter or an icon",
		"/tower.png": "has 60 × 240 pixels: readers would scroll past it for long", "/portrait.png": "", "/gone.png": "is gone (HTTP 404)"}
	for path := range want {
		fmt.Fprintf(&page, `<img alt="" src="%s%s">`, site.URL, path)
	}
	editions := []Edition{{HTML: page.String()}}
	p.Look(t.Context(), editions)
	for path, problem := range want {
		if got := p.Problem(site.URL + path); got != problem {
			t.Errorf("%s: %q, want %q", path, got, problem)
		}
	}
	before := hits
	p.Look(t.Context(), editions)
	if hits != before {
		t.Errorf("%d pictures were fetched again at once", hits-before)
	}
	now = now.Add(GuardEvery)
	p.Look(t.Context(), editions)
	if hits == before {
		t.Error("the pictures are never looked at again")
	}
	if p.Problem("http://unreachable.example/x.png") != "" {
		t.Error("a picture nobody looked at has a problem")
	}
}

func TestRepairDropsPicturesAndStories(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := context.Background()
		r := newRoom(t, db)
		i := r.draft(t)
		chosen, err := r.Chosen(ctx, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		g := &Guard{Store: r.Builder.Store}
		n, err := g.Repair(ctx, i.ID, []Finding{
			{Repair: DropPicture, Story: chosen[0].Story.ID, Edition: "en"}, {Repair: DropStory, Story: chosen[1].Story.ID, Edition: "en", Text: "Twice."}, {Repair: HoldIssue},
		})
		if err != nil || n != 2 {
			t.Fatalf("repaired %d, %v; want 2", n, err)
		}
		after, err := r.Chosen(ctx, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !after[0].NoPicture || after[1].State != "removed" || after[1].Reason != "Twice." {
			t.Errorf("got %+v and %s %q", after[0].NoPicture, after[1].State, after[1].Reason)
		}
		if st, err := r.Story(ctx, chosen[1].Story.ID); err != nil || st.State != "live" {
			t.Errorf("the story itself is %s, %v; want live: the trouble was the edition's", st.State, err)
		}
	})
}

// TestPicturesOfTheDemo: where the readers are on this machine its pictures are
// no trouble, unless they are not to be had.
func TestPicturesOfTheDemo(t *testing.T) {
	d := sampleDraft()
	editions, _, err := (&Sealer{Compose: composed}).Render(d)
	if err != nil {
		t.Fatal(err)
	}
	editions[0].HTML += `<img alt="" src="http://127.0.0.1:8081/x.png">`
	problem := ""
	pictures := func(here bool) string {
		for _, f := range Preflight(d, editions, Look{Picture: func(string) string { return problem }, ReadersHere: here}) {
			if f.Check == "pictures" && f.Edition == editions[0].Name {
				return f.Level + ": " + f.Text
			}
		}
		return ""
	}
	if got := pictures(false); !strings.HasPrefix(got, "warn: ") || !strings.Contains(got, "is on this machine; readers elsewhere cannot see it") {
		t.Errorf("readers elsewhere: %q", got)
	}
	if got := pictures(true); !strings.HasPrefix(got, "ok: ") || !strings.Contains(got, "on this machine, where the readers are") {
		t.Errorf("readers here: %q", got)
	}
	problem = "is gone (HTTP 404)"
	if got := pictures(true); !strings.HasPrefix(got, "bad: ") {
		t.Errorf("gone: %q", got)
	}
}

package templates

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func deskPage(title, current string, body any) DeskPage {
	return DeskPage{
		Title: title, Current: current, Nav: DeskNav(), User: "editor@courier.example", Role: "editor", Brand: "The Harbour Courier",
		ArmURL: "/desk/arm", CatcherURL: "/desk/catcher/", StopURL: "/desk/stop", StartURL: "/desk/start", SignOutURL: "/desk/signout", Body: body,
	}
}

// sampleDesk is one filled view of every page of the desk.
func sampleDesk() map[string]DeskPage {
	spark := []float64{2, 3, 3, 8, 21, 40, 33, 52}
	slots := Table{
		Caption: "The next slots", Columns: []Column{{Title: "Newsletter", Wide: true}, {Title: "When"}, {Title: "State"}, {Title: "Readers", Number: true}},
		Rows: []Row{
			{Cells: []Cell{{Text: "Morning Digest", URL: "/desk/issues/214"}, {Text: "in 42 min", Note: "7:00 PKT", Hover: "23 November 2026, 7:00 PKT"}, {State: State{KindWarn, "draft"}}, {Text: "12,840"}}},
			{Cells: []Cell{{Text: "صبح نامہ", URL: "/desk/issues/88", Language: "ur", Direction: "rtl"}, {Text: "in 1 h 12 min", Note: "7:30 PKT"}, {State: State{KindGood, "approved"}}, {Text: "3,102"}}},
		},
	}
	today := deskPage("Today", "Today", TodayBody{
		Alarms:  []Alarm{{Subject: "Bay Radio has brought nothing for 26 hours", Text: "The feed answers, but its newest entry is from Saturday. The other four sources work.", Since: "since Sunday 05:00", URL: "/desk/sources/3", Kind: KindWarn}},
		Waiting: []Draft{{Newsletter: "Morning Digest", Subject: "Ferry to the outer islands returns after eleven years", When: "Goes out in 42 min unless you hold it", URL: "/desk/issues/214", State: State{KindWarn, "draft"}}},
		Next:    slots, Recent: Table{Empty: Empty{Text: "Nothing has been sent yet. The first issue will stand here with what became of it."}},
	})
	issue := deskPage("Ferry to the outer islands returns after eleven years", "Issues", sampleIssueBody(spark))
	issue.Flash = []Flash{{KindGood, "Moved. The edition was sealed again, and the approval is void."}}
	story := deskPage("Ferry to the outer islands returns after eleven years", "Issues", StoryBody{
		Newsletter: "Morning Digest", Number: 214, Section: "Trending Now", Title: "Ferry to the outer islands returns after eleven years", URL: "https://courier.example/ferry", Source: "The Harbour Courier", Language: "en", Direction: "ltr",
		Summary: []string{"The ferry sails again from Friday.", "It takes 60 passengers."}, State: State{KindWarn, "written by AI"}, Why: "written by model-1", Review: "Readers are told that AI wrote it until you do.",
		Edited: "editor@courier.example", EditedWhen: "2 min ago", OriginalTitle: "Ferry returns", Original: []string{"The ferry sails again from Friday, the harbour office said."}, Action: "/x",
		Article: [][]Piece{{{"The ferry sails again from Friday.", 1}, {" Its old captain is back. ", 0}, {"It takes 60 passengers.", 2}}, {{"Tickets cost four pounds.", 0}}},
	})
	subscribers := deskPage("Subscribers", "Subscribers", sampleTable(spark))
	subscribers.Armed, subscribers.Where = true, "relay.example.org"
	subscribers.Action = &Action{Title: "Import", URL: "/desk/subscribers/import", Primary: true}
	record := deskPage("amina@reader.example", "Subscribers", RecordBody{
		State: State{KindGood, "active"}, Actions: []Action{{Title: "Pause", URL: "/x", Method: "post", Do: "pause"}, {Title: "Suppress", URL: "/x", Method: "post", Do: "suppress", Danger: true, Confirm: "Never write to this address again?"}},
		Facts:    []Fact{{"Language", Cell{Text: "English"}}, {"Lists", Cell{Text: "Morning Digest", URL: "/desk/lists/1"}}, {"Zone", Cell{Text: "Asia/Karachi"}}},
		Timeline: []Event{{When: "today 07:02", Hover: "23 November 2026, 07:02:11 PKT", Text: "Morning Digest No. 214 was accepted", Why: "250 2.0.0 Ok: queued as 4XyZ"}, {When: "21 November", Text: "Confirmed the subscription", Why: "by the button of the confirmation mail"}},
	})
	record.Stopped = true
	form := deskPage("New list", "Lists", FormBody{URL: "/desk/lists", Submit: "Create the list", Intro: "A list is what readers subscribe to.", Fields: []Field{
		{Name: "title", Label: "Title", Value: "Weekend", Needed: true}, {Name: "name", Label: "Short name", Help: "Stands in addresses and never changes.", Value: "week end", Problem: "Only letters, digits and hyphens; try week-end."},
		{Name: "language", Label: "Language", Kind: "select", Options: []Option{{"en", "English", true}, {"ur", "اردو", false}}}, {Name: "public", Label: "Offer it on the sign-up page", Kind: "checkbox"},
	}})
	return map[string]DeskPage{
		DeskSignIn: {Title: "Sign in", Body: SignInBody{Link: "/desk/sign-in/token"}},
		DeskToday:  today, DeskIssue: issue, DeskArticle: story, DeskTable: subscribers, DeskRecord: record, DeskForm: form,
		DeskMessage: deskPage("This issue is already being sent", "Issues", MessageBody{Text: []string{"Your edit came after the approval took effect, so it was not applied. What you typed is kept below.", "Pause the send first, then edit."}, Actions: []Action{{Title: "Back to the issue", URL: "/desk/issues/214", Primary: true}}}),
	}
}

func sampleIssueBody(spark []float64) IssueBody {
	body := IssueBody{
		Newsletter: "Morning Digest", Number: 214, State: State{KindWarn, "draft"}, When: "goes out in 42 min", Hover: "23 November 2026, 7:00 PKT", Audience: "12,840 readers",
		Subject: "Ferry to the outer islands returns after eleven years", Preheader: "City council moves the vote on the night bus", SubjectURL: "/x",
		Order: "Ranked by views of the last 3 hours; counted until 6:10.", TestURL: "/test", TestTo: "editor@courier.example",
		Checks:  []Check{{State{KindGood, "fine"}, "All 12 links answer.", ""}, {State{KindWarn, "look"}, "The lead’s picture is 3.1 MB.", "the picture is left out"}},
		Actions: []Action{{Title: "Approve", URL: "/approve", Method: "post", Primary: true, Key: "a", Confirm: "Send this to 12,840 readers at 7:00?"}, {Title: "Hold", URL: "/hold", Method: "post"}, {Title: "Skip this issue", URL: "/skip", Method: "post", Danger: true}},
		Preview: Preview{URL: "/mail/issue-en", Hash: "8f3c0a6be1d2477f9a51c6f0a2b7de9417ac50d36c12e07b5f84e93d2a6b1c70", Note: "41,211 bytes · sealed 06:12", Tabs: []PreviewTab{{"Desktop", "?view=desktop", true}, {"Phone", "?view=phone", false}, {"Dark", "?view=dark", false}, {"Text", "?view=text", false}}, AsURL: "/desk/issues/412#preview", As: "zainab@readers.example", Keep: map[string]string{"view": "phone"}},
	}
	for i, s := range sampleEnglish().Sections[0].Stories {
		st := DeskStory{Position: i + 1, Title: s.Title, Language: s.Language, Direction: s.Direction, URL: s.URL, Source: s.Source, Summary: strings.Join(s.Summary, "\n"), Reason: "312 views in 3 h · 2.1× usual", Spark: spark, SparkText: "52 views in the last hour, rising", Action: "/desk/issues/214/stories/1", Pinned: i == 1}
		if i == 0 {
			st.Section = "Trending Now"
		}
		if s.Label != "" {
			st.Label = Words("en").Label(s.Label)
		}
		body.Stories = append(body.Stories, st)
	}
	body.Dropped = []DeskStory{{Title: "Weather for the weekend", URL: "https://courier.example/weather", Reason: "dropped by rule: weather", Action: "/x"}}
	return body
}

func sampleTable(spark []float64) TableBody {
	t := Table{
		Caption: "Subscribers", Pager: Pager{1, 40, 12840, "", "?page=2"},
		Columns: []Column{{Title: "Address", Sort: "?sort=-address", Sorted: "ascending", Wide: true}, {Title: "Name"}, {Title: "State"}, {Title: "Since", Sort: "?sort=since"}, {Title: "Issues", Number: true}, {Title: "Week"}},
	}
	for range 12 {
		t.Rows = append(t.Rows, Row{Cells: []Cell{{Text: "amina@reader.example", URL: "/desk/subscribers/1"}, {Text: "Amina"}, {State: State{KindGood, "active"}}, {Text: "21 Nov", Hover: "21 November 2026, 10:04 PKT"}, {Text: "812"}, {Spark: spark, SparkText: "rising"}}})
	}
	t.Rows[3].Cells[2].State = State{KindAlert, "suppressed"}
	t.Rows[4].Cells[2].State = State{KindWait, "pending"}
	return TableBody{Search: &Search{Label: "Search by address or name", Keep: map[string]string{"state": "active"}}, Filters: []Filter{{"All", "?", 12840, true}, {"Active", "?state=active", 12012, false}, {"Pending", "?state=pending", 44, false}, {"Suppressed", "?state=suppressed", 784, false}}, Table: t}
}

func writeDesk(t *testing.T, name string, v DeskPage) string {
	t.Helper()
	var b bytes.Buffer
	if err := Desk(&b, name, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDeskPages(t *testing.T) {
	for name, view := range sampleDesk() {
		page := writeDesk(t, name, view)
		for _, never := range []string{"style=", "<style", "onclick", "ZgotmplZ"} {
			if strings.Contains(page, never) {
				t.Errorf("%s has %q, which its policy forbids", name, never)
			}
		}
		if got := strings.Count(page, "<h1"); got != 1 {
			t.Errorf("%s: %d h1, want 1", name, got)
		}
	}
}

// Every page but the door says whether mail leaves the house, and offers the stop.
func TestDeskSaysWhetherMailLeaves(t *testing.T) {
	for _, tc := range []struct {
		armed, stopped bool
		where          string
		want, button   string
	}{
		{false, false, "relay main", "<strong>Disarmed.</strong> All mail stays here, in the built-in catcher.", "Stop all sending"},
		{true, false, "relay main", "<strong>Armed.</strong> Mail goes out through relay main.", "Stop all sending"},
		{true, false, "", "<strong>Armed.</strong> But there is no relay: mail waits", "Stop all sending"},
		{true, true, "relay main", "Stopped.", "Start sending"}, {false, true, "relay main", "Stopped.", "Start sending"},
	} {
		for name, view := range sampleDesk() {
			if name == DeskSignIn {
				continue
			}
			view.Armed, view.Stopped, view.Where = tc.armed, tc.stopped, tc.where
			page := writeDesk(t, name, view)
			if !strings.Contains(page, tc.want) || !strings.Contains(page, tc.button) {
				t.Errorf("%s armed %v stopped %v: no %q or no %q", name, tc.armed, tc.stopped, tc.want, tc.button)
			}
		}
	}
	if page := writeDesk(t, DeskSignIn, sampleDesk()[DeskSignIn]); strings.Contains(page, "<nav") {
		t.Error("the door shows the navigation")
	}
}

func TestDeskRefusesAnotherPagesBody(t *testing.T) {
	var b bytes.Buffer
	if err := Desk(&b, DeskIssue, DeskPage{Body: MessageBody{Text: []string{"x"}}}); err == nil || b.Len() > 0 {
		t.Errorf("error %v, %d bytes written; want an error and none", err, b.Len())
	}
	if err := Desk(&b, "nonsense", DeskPage{}); err == nil {
		t.Error("a page that does not exist was written")
	}
}

func TestSparkline(t *testing.T) {
	if got := Sparkline([]float64{1}, "one"); got != "" {
		t.Errorf("one value gives %q", got)
	}
	got := string(Sparkline([]float64{0, 5, 10}, `"<b>`))
	if !strings.Contains(got, `aria-label="&#34;&lt;b&gt;"`) || !strings.Contains(got, `points="2.0,18.0 36.0,10.0 70.0,2.0"`) {
		t.Errorf("got %s", got)
	}
}

func TestNear(t *testing.T) {
	now := at(23, 7, 0)
	for d, want := range map[time.Duration]string{
		12 * time.Minute: "in 12 min", -12 * time.Minute: "12 min ago", 30 * time.Second: "now", -30 * time.Second: "just now", 72 * time.Minute: "in 1 h 12 min",
		-9*time.Hour - 10*time.Minute: "9 h ago", 30 * time.Hour: "24 November 2026",
	} {
		if got := Near(now.Add(d), now); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// A length of time is told in one unit, as people do.
func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{30 * time.Second: "30 s", 5 * time.Minute: "5 min", 59*time.Minute + 45*time.Second: "1 h", 90 * time.Minute: "1.5 h", 36 * time.Hour: "36 h"} {
		if got := Span(d); got != want {
			t.Errorf("%s is told as %q, want %q", d, got, want)
		}
	}
}

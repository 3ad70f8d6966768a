package templates

import (
	"strings"
	"testing"
	"time"
)

func sampleLetters() map[string]Letter {
	base := Letter{Brand: sampleBrand(), Newsletter: "Morning Digest", Action: "https://news.courier.example/confirm/k1.7Fh2sT0pQ", Expires: at(26, 7, 0)}
	approval := base
	approval.Subject, approval.Audience, approval.Preview = "Ferry to the outer islands returns after eleven years", 12840, "https://news.courier.example/desk/issues/214/preview"
	for _, s := range sampleEnglish().Sections[0].Stories {
		approval.Stories = append(approval.Stories, Link{Title: s.Title, Language: s.Language, Direction: s.Direction})
	}
	welcome := base
	welcome.Unsubscribe = "https://news.courier.example/u/k1.99"
	yours, move := base, base
	yours.Action, move.Action = "https://news.courier.example/yours/k1.7Fh2sT0pQ", "https://news.courier.example/move/k1.7Fh2sT0pQ"
	move.Email = "a…a@reader.example"
	alarm := base
	alarm.Subject, alarm.Since, alarm.Newsletter = "Bay Radio has brought nothing for 26 hours", at(22, 5, 0), ""
	alarm.Text = []string{"The feed answers, but its newest entry is from Saturday. The other four sources work, so tomorrow’s issue will go out.", "Look at the source, or pause it until it is mended."}
	return map[string]Letter{
		LetterConfirmation: base, LetterWelcome: welcome, LetterYours: yours, LetterMove: move, LetterMoved: {Brand: sampleBrand(), Email: "n…w@reader.example"}, LetterTaken: {Brand: sampleBrand(), Action: "https://news.courier.example/preferences/k1.99"}, LetterApproval: approval, LetterAlarm: alarm,
		LetterTest: {Brand: sampleBrand(), Code: "k7m-2qd"},
	}
}

func TestRenderLetterGolden(t *testing.T) {
	for kind, v := range sampleLetters() {
		for _, lang := range Languages() {
			e, err := RenderLetter(kind, lang, v)
			if err != nil {
				t.Fatalf("%s %s: %v", kind, lang, err)
			}
			if !e.Auto || e.Language != lang || e.Slots != nil {
				t.Errorf("%s %s: Auto %v, Language %q, Slots %v", kind, lang, e.Auto, e.Language, e.Slots)
			}
			golden(t, "letter-"+kind+"-"+lang+".txt", "Subject: "+e.Subject+"\n\n"+e.Text)
			if lang != "ru" {
				golden(t, "letter-"+kind+"-"+lang+".html", e.HTML)
			}
		}
	}
}

func TestRenderLetterRefuses(t *testing.T) {
	if _, err := RenderLetter("poem", "en", Letter{}); err == nil {
		t.Error("a letter of an unknown kind was rendered")
	}
	if _, err := RenderLetter(LetterConfirmation, "en", Letter{Newsletter: "X", Action: "javascript:alert(1)"}); err == nil {
		t.Error("a confirmation without an address was rendered")
	}
}

func TestLetterTimesCarryTheirZone(t *testing.T) {
	v := sampleLetters()[LetterConfirmation]
	v.Expires = time.Date(2026, 11, 26, 7, 0, 0, 0, time.FixedZone("", -(3*3600+1800)))
	e, err := RenderLetter(LetterConfirmation, "en", v)
	if err != nil {
		t.Fatal(err)
	}
	if want := "26 November 2026, 7:00\u00a0am\u00a0UTC−03:30"; !strings.Contains(e.Text, want) {
		t.Errorf("text has no %q:\n%s", want, e.Text)
	}
}

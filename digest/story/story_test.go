package story

import (
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

const ferry = `The ferry to the northern islands will run again from Tuesday morning, the harbour office said, after a storm
had kept all eleven boats in port for three days. Engineers checked the landing stages on Sunday and found two of them damaged,
but safe enough for foot passengers. Lorries have to wait until Friday. Shops on the islands had begun to run out of bread and
fuel, and the council had asked the navy for help. "We are glad that nobody was hurt," said the mayor.`

func TestCopiesAreOneStory(t *testing.T) {
	cut := "HARBOUR TOWN (Wire) - " + ferry[:len(ferry)/2] + " Reporting by our correspondent."
	got := Cluster([]Doc{
		{ID: "a", Title: "Ferry runs again", Text: ferry, Published: monday},
		{ID: "b", Title: "Island boats return", Text: cut, Published: monday.Add(time.Hour)},
		{ID: "c", Title: "Ferry runs again", Text: ferry, Published: monday.Add(80 * time.Hour)},
		{ID: "d", Title: "Something else", Text: "Nothing alike.", Published: monday},
	})
	for id, want := range map[string]string{"a": "a", "b": "a", "d": "d"} {
		if got[id].Story != want || (want != id) != (got[id].Why != "") {
			t.Errorf("%s: got story %q (%s), want %q", id, got[id].Story, got[id].Why, want)
		}
	}
}

// TestTemplates: a house writes of different people in the same words, and again of
// the same ones in others.
func TestTemplates(t *testing.T) {
	obituary := func(first, last, town, trade, club string) string {
		return first + " " + last + ", who died on Tuesday, was for many years a " + trade + " in " + town + ". The funeral will be held at the parish church on Friday at two o'clock, and the family asks for no flowers but for gifts to the hospice. " +
			last + " was born in " + town + " and went to school there before learning the trade. Friends remember a generous neighbour with a dry sense of humour who never missed a meeting of " + club + ". " +
			first + " " + last + " is survived by two children and four grandchildren. A book of condolence is open at the town hall during office hours this week."
	}
	match := func(home, away, scorer, keeper, ground string) string {
		return home + " won against " + away + " on Saturday thanks to an early goal by " + scorer + ", who met the ball at the far post after ten minutes and left " + keeper + " without a chance. Before a crowd at " + ground +
			" the visitors had more of the ball in the second half but could not turn it into chances that counted. The home side stays among the first four of the table and plays away from home next Saturday, when the captain returns from his suspension. " + away + " has won only one of its last six games."
	}
	ada := obituary("Ada", "Quist", "Lindholm", "bridge engineer", "the Norra Rowing Club")
	got := Cluster([]Doc{
		{ID: "ada", Title: "Obituary: Ada Quist, bridge engineer", Text: ada, Source: "courier", Published: monday},
		{ID: "tom", Title: "Obituary: Tom Barr, baker", Text: obituary("Tom", "Barr", "Ellery", "baker", "the Harbour Brass Band"), Source: "courier", Published: monday.Add(time.Hour)},
		{ID: "nils", Title: "Obituary: Nils Farrow, teacher", Text: obituary("Nils", "Farrow", "Ostby", "teacher", "the Kvarn Chess Society"), Source: "courier", Published: monday.Add(2 * time.Hour)},
		{ID: "rovers", Title: "Okoro strikes early as Rovers beat Wanderers", Text: match("Rovers", "Wanderers", "Sam Okoro", "Jan Vell", "Mill Lane"), Source: "courier", Published: monday},
		{ID: "albion", Title: "Early Marsh goal is enough for Albion", Text: match("Albion", "Thistle", "Ivo Marsh", "Per Dahl", "Castle Park"), Source: "courier", Published: monday},
		{ID: "farewell", Title: "Hundreds say farewell to Ada Quist", Text: "Hundreds came to the church of Lindholm on Friday to say farewell to Ada Quist, and the mayor, Britt Sander, spoke. " + ada, Source: "courier", Published: monday.Add(60 * time.Hour)},
	})
	for id, want := range map[string]string{"ada": "ada", "tom": "tom", "nils": "nils", "rovers": "rovers", "albion": "albion", "farewell": "ada"} {
		if got[id].Story != want {
			t.Errorf("%s: got story %q (%s), want %q", id, got[id].Story, got[id].Why, want)
		}
	}
}

// TestTemplatesWithNamesOfTheirOwn: the undertaker, the hospice and who has the
// figures stand in all of a house's texts, and make none of them another's.
func TestTemplatesWithNamesOfTheirOwn(t *testing.T) {
	death := func(name, last, from, of string) string {
		return name + " " + last + ", of " + from + ", died on Tuesday at Harrow General Hospital, the child of " + of + " " + last + ". A funeral service will be held at St Mary's on Friday at 11 a.m. In lieu of flowers, the family asks for donations to the Harrow Bay Hospice. Arrangements are by Tidewell & Sons Funeral Home."
	}
	results := func(firm, rest string) string {
		return "Shares in " + firm + " fell on Friday after the company reported a quarterly profit below what analysts had expected, according to data from MarketWire. " + rest + " The company's shares have fallen this year. This story was generated from data."
	}
	docs := []Doc{
		{ID: "falk", Title: "Obituary: Ines Falk, 70", Text: death("Ines", "Falk", "Corran", "Alma"), Source: "courier"},
		{ID: "quist", Title: "Obituary: Omar Quist, 76", Text: death("Omar", "Quist", "Kessel", "Leif"), Source: "courier"},
		{ID: "norvik", Title: "Obituary: Jonas Norvik, 80", Text: death("Jonas", "Norvik", "Corran", "Rosa"), Source: "courier"},
		{ID: "lines", Title: "Corran Lines: shares fall after results", Text: results("Corran Lines", "Revenue was 300 million pounds."), Source: "courier"},
		{ID: "steel", Title: "Orlen Steel: shares fall after results", Text: results("Orlen Steel", "Revenue was 410 million pounds."), Source: "courier"},
	}
	for id, p := range Cluster(docs) {
		if p.Story != id {
			t.Errorf("%s is in the story of %s: %s", id, p.Story, p.Why)
		}
	}
}

// TestDecisionsStick: what stays in a story by decision neither leaves it nor
// meets what stays in another.
func TestDecisionsStick(t *testing.T) {
	docs := []Doc{
		{ID: "a", Title: "Ferry runs again", Text: ferry, Published: monday, Story: "1"},
		{ID: "b", Title: "Ferry runs again", Text: ferry, Published: monday.Add(time.Hour), Story: "2"},
		{ID: "c", Title: "Other matter", Text: "Nothing alike.", Published: monday.Add(2 * time.Hour), Story: "1"},
		{ID: "d", Title: "Ferry runs again", Text: ferry, Published: monday.Add(3 * time.Hour)},
	}
	got := Cluster(docs)
	if got["a"].Story == got["b"].Story || got["c"].Story != "a" || got["d"].Story != "a" && got["d"].Story != "b" {
		t.Errorf("got %+v", got)
	}
}

func TestReplayJSON(t *testing.T) {
	in := `{"id":"2","title":"B","text":"nothing alike","published":"2026-11-23T08:00:00Z"}
{"id":"1","title":"A","text":"` + strings.ReplaceAll(strings.ReplaceAll(ferry, "\n", " "), `"`, `\"`) + `","url":"https://a.example/1"}`
	var out strings.Builder
	if err := ReplayJSON(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "{\"id\":\"2\",\"story\":\"2\"}\n{\"id\":\"1\",\"story\":\"1\"}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := ReplayJSON(strings.NewReader("{"), &out); err == nil {
		t.Error("half a line: got no error")
	}
}

func TestScriptsWithoutCapitals(t *testing.T) {
	for name, c := range map[string][2]Doc{
		"Chinese": {
			{ID: "a", Title: "北港大桥施工事故造成三人死亡", Text: "周一清晨,北港大桥在施工期间发生坍塌,造成三人死亡,七人受伤。救援人员连夜搜救。"},
			{ID: "b", Title: "北港大桥坍塌 三死七伤", Text: "北港大桥周一发生坍塌事故,已有三人死亡,七名工人受伤送医,市长赶赴现场。"},
		},
		"Urdu": {
			{ID: "a", Title: "دریائے نیلم پر پل گرنے سے تین افراد ہلاک", Text: "دریائے نیلم پر زیر تعمیر پل گرنے سے تین مزدور ہلاک اور 17 زخمی ہو گئے۔ امدادی ٹیمیں پہنچ گئیں۔"},
			{ID: "b", Title: "نیلم میں زیر تعمیر پل منہدم", Text: "دریائے نیلم پر زیر تعمیر پل منہدم ہو گیا، تین مزدور ہلاک اور 17 زخمی ہوئے۔"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Cluster(c[:]); got["a"].Story != got["b"].Story {
				t.Error("two reports of one event are two stories")
			}
		})
	}
}

package templates

import (
	"bytes"
	"html/template"
	"strings"
)

var headlines = template.Must(template.New("headlines").Funcs(pageFuncs).Parse(`{{range .Corrections}}<p lang="{{$.Written}}" dir="{{dir $.Written}}"><strong>{{.Of}}</strong>{{range .Text}}<br>{{.}}{{end}}</p>
{{end}}<ul lang="{{.Language}}" dir="{{.Direction}}">
{{range .Stories}}<li lang="{{.Language}}" dir="{{with .Direction}}{{.}}{{else}}auto{{end}}">{{with .Label}}{{.}}: {{end}}{{if .URL}}<a href="{{.URL}}">{{.Title}}</a>{{else}}{{.Title}}{{end}}{{with .Source}} <small>{{.}}</small>{{end}}</li>
{{end}}</ul>`))

// Headlines tells what an issue has in the words of a language, for feeds: its
// corrections, and its headlines, each with its label, source and link, as HTML and
// as text, and in a line those behind the first, which the subject says.
func Headlines(lang string, stories []Story, corrections []Correction) (html, text, line string, err error) {
	w := Words(lang)
	view := struct {
		Language, Direction, Written string
		Stories                      []Story
		Corrections                  []correctionView
	}{w.Language, w.Direction, tagOr(lang, w.Language), make([]Story, len(stories)), nil}
	var lines, rest []string
	for _, c := range corrections {
		made := correctionView{Of: w.Say("correction.made", "date", w.LongDate(c.Date))}
		for _, p := range c.Text {
			made.Text = append(made.Text, clip(p, maxSummary))
		}
		view.Corrections = append(view.Corrections, made)
		lines = append(lines, made.Of+"\n"+strings.Join(made.Text, "\n"))
	}
	for i, st := range stories {
		st = Story{Title: clip(st.Title, maxTitle), URL: address(st.URL), Language: st.Language, Direction: st.Direction, Source: clip(st.Source, maxName), Label: clip(w.Label(st.Label), maxName)}
		view.Stories[i] = st
		said := st.Title
		if st.Label != "" {
			said = st.Label + ": " + said
		}
		if i == 1 || i == 2 {
			rest = append(rest, said)
		}
		if st.Source != "" {
			said += " (" + st.Source + ")"
		}
		lines = append(lines, strings.TrimSpace(said+"\n"+st.URL))
	}
	var b bytes.Buffer
	err = headlines.Execute(&b, view)
	return b.String(), strings.Join(lines, "\n\n"), strings.Join(rest, " · "), err
}

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pressrun/digest"
	"pressrun/digest/fetch"
	"pressrun/mailer/message"
)

// issueDocument is an issue as a file: what issue show --json prints and issue
// render reads. Editions are what was sealed of it, and not read.
type issueDocument struct {
	digest.Draft
	PublicURL string           `json:"public_url,omitempty"` // what readers' links begin with
	Editions  []digest.Edition `json:"editions,omitempty"`
}

type issueRender struct {
	In      string `required:"" help:"The issue, as issue show --json prints it; - for standard input. Of a hand-written one these are enough: issue.newsletter, issue.slot_at, spec.from, spec.brand, and of each story its title, summary and story.url."`
	Out     string `required:"" help:"Directory for edition.html, edition.txt, edition.eml and preflight.json; further editions carry their names: edition-ur.html."`
	Offline bool   `help:"Do not look whether the pictures are there."`
}

// rendered is what preflight.json says.
type rendered struct {
	OK       bool             `json:"ok"` // nothing needs a repair
	Editions []renderedFile   `json:"editions"`
	Checks   []digest.Finding `json:"checks"`
}

type renderedFile struct {
	Name    string   `json:"name"`
	Subject string   `json:"subject"`
	Seal    string   `json:"seal"` // SHA-256 of the sealed bytes, before a reader's own values are filled in
	Bytes   int      `json:"bytes"`
	HTML    int      `json:"html_bytes"`
	Text    int      `json:"text_bytes"`
	Stories []int64  `json:"stories"`
	Files   []string `json:"files,omitempty"`
}

func (v *issueRender) Run(e *env) error {
	doc, err := readIssue(e, v.In)
	if err != nil {
		return err
	}
	editions, left, err := (&digest.Sealer{Compose: message.Compose}).Render(doc.Draft)
	if err != nil {
		return fmt.Errorf("render %s: %w", v.In, err)
	}
	for _, r := range left {
		fmt.Fprintf(e.err, "“%s” %s\n", r.Title, r.Reason)
	}
	pictures := &digest.Pictures{Client: &fetch.Client{}, Now: time.Now}
	if !v.Offline {
		pictures.Look(e.ctx, editions)
	}
	if err := os.MkdirAll(v.Out, 0o755); err != nil {
		return err
	}
	out := rendered{Checks: digest.Preflight(doc.Draft, editions, digest.Look{Picture: pictures.Problem})}
	out.OK = len(digest.Bad(out.Checks)) == 0
	for _, ed := range editions {
		f := renderedFile{Name: ed.Name, Subject: ed.Subject, Seal: ed.Hash, Bytes: ed.Bytes, HTML: len(ed.HTML), Text: len(ed.Text), Stories: ed.Stories}
		f.Files, err = writeEdition(filepath.Join(v.Out, fileOf(ed.Name, editions[0].Name)), ed, sampleValues(doc.PublicURL, doc.Spec.ListHost, doc.Issue.SlotAt))
		if err != nil {
			return err
		}
		out.Editions = append(out.Editions, f)
	}
	report, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(v.Out, "preflight.json"), append(report, '\n'), 0o644); err != nil {
		return err
	}
	return e.print(out, func(w io.Writer) {
		for _, f := range out.Editions {
			fmt.Fprintf(w, "%s  %s\n", f.Seal[:16], strings.Join(f.Files, " "))
		}
		printFindings(w, out.Checks)
	})
}

// readIssue reads an issue from a file and fills in what it leaves out.
func readIssue(e *env, name string) (issueDocument, error) {
	text, err := readAll(e, name)
	if err != nil {
		return issueDocument{}, err
	}
	var doc issueDocument
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return doc, fmt.Errorf("%s: %s; write it as issue show --json prints it", name, jsonError(err, text))
	}
	doc.Fill()
	if doc.PublicURL == "" {
		doc.PublicURL = strings.TrimRight(cmp.Or(doc.Spec.Brand.URL, "https://example.org"), "/")
	}
	if doc.Spec.From == "" {
		return doc, fmt.Errorf("%s: spec.from is missing; write for instance \"Morning Digest <digest@news.example.com>\"", name)
	}
	return doc, nil
}

// fileOf is what an edition's files are called: the first one's plainly.
func fileOf(edition, first string) string {
	switch edition {
	case first:
		return "edition"
	case first + digest.TextSuffix:
		return "edition" + digest.TextSuffix
	}
	return "edition-" + edition
}

// jsonError says in which line a JSON text goes wrong, and how.
func jsonError(err error, text []byte) string {
	line := func(offset int64) int { return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n")) }
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("line %d: %v", line(syntax.Offset), syntax)
	case errors.As(err, &kind):
		return fmt.Sprintf("line %d: %s cannot be a %s", line(kind.Offset), strings.TrimPrefix(kind.Field, "Draft."), kind.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the file ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// printFindings prints what a preflight found, what needs a repair first.
func printFindings(w io.Writer, list []digest.Finding) {
	good := 0
	for _, level := range []string{"bad", "warn"} {
		for _, f := range list {
			if f.Level != level {
				continue
			}
			fmt.Fprintf(w, "%-4s %-11s %s", strings.ToUpper(level), f.Check, f.Text)
			if level == "bad" {
				fmt.Fprintf(w, " (if nobody decides: %s)", f.Repair)
			}
			fmt.Fprintln(w)
		}
	}
	for _, f := range list {
		if f.Level == "ok" {
			good++
		}
	}
	fmt.Fprintf(w, "%d of %d checks found nothing\n", good, len(list))
}

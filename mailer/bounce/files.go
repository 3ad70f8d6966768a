package bounce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
)

// line is what the verb prints of one recipient.
type line struct {
	File      string `json:"file"`
	Kind      string `json:"kind"`
	Recipient string `json:"recipient"`
	Status    string `json:"status"`
	Reply     string `json:"reply"`
	Class     Class  `json:"class"`
	Reason    string `json:"reason"`
}

// ClassifyFiles writes one JSON line per recipient of each file, in order; the file
// "-" is in. It stops at the first file that cannot be read.
func ClassifyFiles(w io.Writer, in io.Reader, names []string) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, name := range names {
		raw, err := readFile(name, in)
		if err != nil {
			return err
		}
		for _, r := range classifyAll(raw) {
			if err := out.Encode(line{name, r.Kind, r.Recipient, r.Status, r.Reply, r.Class, r.Reason}); err != nil {
				return fmt.Errorf("writing what %s means: %w", name, err)
			}
		}
	}
	return nil
}

// between is the line before a mail in an mbox file.
var between = regexp.MustCompile(`(?m)\n\nFrom \S+ .*\d\d:\d\d:\d\d .*\d{4}\n`)

// classifyAll reads a mail, or each of an mbox.
func classifyAll(raw []byte) []Report {
	if !bytes.HasPrefix(raw, []byte("From ")) {
		return Classify(raw)
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	var reports []Report
	for from := 0; from < len(raw); {
		to := len(raw)
		if at := between.FindIndex(raw[from:]); at != nil {
			to = from + at[0] + 2
		}
		reports = append(reports, Classify(raw[from:to])...)
		from = to
	}
	if kept := slices.DeleteFunc(slices.Clone(reports), func(r Report) bool { return r.Kind == KindNone && r.Recipient == "" }); len(kept) > 0 {
		return kept
	}
	return reports[:1]
}

func readFile(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading a mail: %w", err)
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxMail))
	if err != nil {
		return nil, fmt.Errorf("reading a mail %s: %w", name, err)
	}
	return raw, nil
}

package bounce

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
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

// ClassifyFiles writes one JSON line per recipient of each file, in order. It
// stops at the first file that cannot be read.
func ClassifyFiles(w io.Writer, names []string) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, name := range names {
		raw, err := readFile(name)
		if err != nil {
			return err
		}
		for _, r := range Classify(raw) {
			if err := out.Encode(line{name, r.Kind, r.Recipient, r.Status, r.Reply, r.Class, r.Reason}); err != nil {
				return fmt.Errorf("writing what %s means: %w", name, err)
			}
		}
	}
	return nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a mail: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxMail))
	if err != nil {
		return nil, fmt.Errorf("reading a mail %s: %w", name, err)
	}
	return raw, nil
}

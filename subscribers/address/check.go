package address

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Result says what became of one input.
type Result struct {
	Input      string `json:"input"`
	OK         bool   `json:"ok"`
	Normalized string `json:"normalized"` // Address.ASCII, "" unless OK
	Reason     string `json:"reason"`     // why not, in words; "" when OK
	Suggestion string `json:"suggestion"` // what was probably meant; "" = nothing
}

// Check parses s as it stands and looks for a typing error.
func Check(s string) Result {
	a, err := Parse(s)
	if err != nil {
		return Result{Input: s, Reason: err.Error(), Suggestion: repaired(s)}
	}
	return Result{Input: s, OK: true, Normalized: a.ASCII(), Suggestion: a.Suggest()}
}

// repaired is s without what often surrounds an address that was copied: spaces,
// angle brackets, mailto:, a comma at the end.
func repaired(s string) string {
	if len(s) > 4*MaxAddress {
		return ""
	}
	t := strings.TrimSpace(s)
	if i, j := strings.LastIndexByte(t, '<'), strings.LastIndexByte(t, '>'); i >= 0 && i < j {
		t = t[i+1 : j]
	}
	t = strings.Trim(strings.TrimPrefix(strings.TrimSpace(t), "mailto:"), ".,;:")
	if a, err := Parse(t); err == nil && t != s {
		return string(a)
	}
	return ""
}

// maxLine is how much of a line is kept; the rest cannot be part of an address.
const maxLine = 64 << 10

// CheckLines checks each line of r as it stands and writes one JSON object a
// line to w. Lines end in LF; when the first one ends in CR LF, all do.
func CheckLines(r io.Reader, w io.Writer) error {
	in := bufio.NewReaderSize(r, maxLine)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	crlf := false
	for n := 1; ; n++ {
		line, err := readLine(in)
		if err != nil && (err != io.EOF || line == "") {
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("read line %d: %w", n, err)
		}
		if n == 1 {
			crlf = strings.HasSuffix(line, "\r")
		}
		if crlf {
			line = strings.TrimSuffix(line, "\r")
		}
		if err := out.Encode(Check(line)); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
	}
}

// readLine reads to the end of a line, keeping at most maxLine of it.
func readLine(in *bufio.Reader) (string, error) {
	part, err := in.ReadSlice('\n')
	line := strings.TrimSuffix(string(part), "\n")
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	return line, err
}

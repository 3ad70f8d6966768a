package importer

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Limits of a row. Beyond them it is reported and skipped.
const (
	maxField  = 16 << 10
	maxRow    = 64 << 10
	maxFields = 200
)

var (
	errQuote = errors.New("a quotation mark is not closed")
	errLong  = errors.New("the row is too long")
)

// head is how much of a file is looked at to find out how it is written.
const head = 64 << 10

// decode returns the file as UTF-8 and the name of its character set. A byte
// order mark decides; else where there are zeros, as UTF-16 has beside each Latin
// letter, digit and separator; else valid UTF-8 is UTF-8; else see guessCharset.
func decode(r io.Reader) (*bufio.Reader, string, error) {
	in := bufio.NewReaderSize(r, head)
	start, err := in.Peek(head)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	even, odd := zeros(start)
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		in.Discard(3)
		return in, "utf-8", nil
	case bytes.HasPrefix(start, []byte("\xff\xfe")), odd > len(start)/20 && odd > 10*even:
		return bufio.NewReader(transform.NewReader(in, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())), "utf-16le", nil
	case bytes.HasPrefix(start, []byte("\xfe\xff")), even > len(start)/20 && even > 10*odd:
		return bufio.NewReader(transform.NewReader(in, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder())), "utf-16be", nil
	case validStart(start):
		return in, "utf-8", nil
	}
	name := guessCharset(start)
	enc, err := htmlindex.Get(name)
	if err != nil {
		name = "windows-1252"
		enc, _ = htmlindex.Get(name)
	}
	return bufio.NewReader(transform.NewReader(in, enc.NewDecoder())), name, nil
}

// zeros counts the octets that are zero, at even and at odd places.
func zeros(b []byte) (even, odd int) {
	for i, c := range b {
		switch {
		case c != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	return even, odd
}

// guessCharset names the character set of text that is not UTF-8. Western text
// has accented letters here and there; when they stand in rows the script is
// another one, and letter frequencies say which.
func guessCharset(start []byte) string {
	single, rows, run := 0, 0, 0
	for _, b := range append(bytes.Clone(start), ' ') {
		if b >= 0x80 {
			run++
			continue
		}
		switch {
		case run >= 3:
			rows++
		case run > 0:
			single++
		}
		run = 0
	}
	if rows <= single {
		return "windows-1252"
	}
	all, err := chardet.NewTextDetector().DetectAll(start)
	if err != nil {
		return "windows-1251"
	}
	slices.SortFunc(all, func(a, b chardet.Result) int { // of equal ones, which come in any order, what spreadsheets write
		return cmp.Or(b.Confidence-a.Confidence, -strings.Compare(a.Charset, b.Charset))
	})
	for _, guess := range all { // the best first
		name := strings.ToLower(guess.Charset)
		if !westernCharsets[name] && !strings.HasPrefix(name, "utf-") {
			return name
		}
	}
	return "windows-1251"
}

var westernCharsets = map[string]bool{"iso-8859-1": true, "iso-8859-2": true, "iso-8859-9": true, "windows-1252": true, "windows-1250": true, "windows-1254": true}

// validStart is utf8.Valid, but the last character may be cut.
func validStart(b []byte) bool {
	for cut := range min(utf8.UTFMax, len(b)+1) {
		if utf8.Valid(b[:len(b)-cut]) {
			return cut == 0 || !utf8.FullRune(b[len(b)-cut:])
		}
	}
	return false
}

// delimiter is the separator that occurs equally often in the first lines, the
// more often the better; a comma when there is none.
func delimiter(start []byte) byte {
	best, most := byte(','), 0
	for _, d := range []byte(",;\t|") {
		rows := newReader(bufio.NewReader(bytes.NewReader(start)), d)
		least := 0
		for n := 0; n < 5; n++ {
			row, _, err := rows.next()
			if err != nil {
				break
			}
			if len(row) == 1 && row[0] == "" {
				continue
			}
			if least == 0 || len(row) < least {
				least = len(row)
			}
		}
		if least > 1 && least > most {
			best, most = d, least
		}
	}
	return best
}

// reader splits CSV (RFC 4180) as people and programs write it: quotation marks
// inside an unquoted field are letters, text after a closing one belongs to the
// field, rows may differ in length. A quoted field that does not end within
// maxField is an error of that row alone: reading goes on at its second line.
type reader struct {
	in   *bufio.Reader
	sep  byte
	line int // number of lines read

	again []byte // read already, to be read again after a row that was given up
}

func newReader(in *bufio.Reader, sep byte) *reader { return &reader{in: in, sep: sep} }

func (r *reader) readByte() (byte, error) {
	if len(r.again) > 0 {
		b := r.again[0]
		r.again = r.again[1:]
		return b, nil
	}
	return r.in.ReadByte()
}

func (r *reader) peek() byte {
	if len(r.again) > 0 {
		return r.again[0]
	}
	b, err := r.in.Peek(1)
	if err != nil {
		return 0
	}
	return b[0]
}

// next returns a row and the number of its first line. errQuote and errLong are
// about this row alone; io.EOF is the end.
func (r *reader) next() (row []string, line int, err error) {
	line = r.line + 1
	var raw, field []byte // raw: the row as read, while it may have to be read again
	quoted, started, any := false, false, false
	second := -1 // where in raw the second line begins
	for {
		b, err := r.readByte()
		if err != nil {
			if err != io.EOF {
				return nil, line, err
			}
			if quoted {
				return r.giveUp(raw, second, line, errQuote)
			}
			if !any {
				return nil, line, io.EOF
			}
			return append(row, string(field)), line, nil
		}
		any = true
		raw = append(raw, b)
		if b == '\n' {
			r.line++
			if second < 0 {
				second = len(raw)
			}
		}
		switch {
		case quoted && b == '"' && r.peek() == '"':
			b, _ := r.readByte()
			raw, field = append(raw, b), append(field, '"')
		case quoted && b == '"':
			quoted = false
		case quoted:
			field = append(field, b)
		case b == '"' && !started:
			quoted, started = true, true
		case b == r.sep:
			row, field, started = append(row, string(field)), nil, false
		case b == '\n':
			return append(row, strings.TrimSuffix(string(field), "\r")), line, nil
		default:
			field, started = append(field, b), true
		}
		if len(raw) > maxRow || len(field) > maxField || len(row) > maxFields {
			cause := errLong
			if quoted {
				cause = errQuote
			}
			return r.giveUp(raw, second, line, cause)
		}
	}
}

// giveUp skips the first line of a row, and has the rest read again.
func (r *reader) giveUp(raw []byte, second, line int, cause error) ([]string, int, error) {
	if second >= 0 {
		rest := append(bytes.Clone(raw[second:]), r.again...)
		r.line -= bytes.Count(raw[second:], []byte("\n"))
		r.again = rest
		return nil, line, cause
	}
	for {
		b, err := r.readByte()
		if err == io.EOF {
			return nil, line, cause
		}
		if err != nil {
			return nil, line, err
		}
		if b == '\n' {
			r.line++
			return nil, line, cause
		}
	}
}

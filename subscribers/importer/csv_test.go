package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// rowsOf reads all rows; ones that are given up are nil.
func rowsOf(t *testing.T, text string, sep byte) (rows [][]string, lines []int) {
	t.Helper()
	r := newReader(bufio.NewReader(strings.NewReader(text)), sep)
	for {
		row, line, err := r.next()
		if err == io.EOF {
			return rows, lines
		}
		if err != nil && !errors.Is(err, errQuote) && !errors.Is(err, errLong) {
			t.Fatal(err)
		}
		rows, lines = append(rows, row), append(lines, line)
		if len(rows) > len(text)+1 {
			t.Fatalf("more rows than octets")
		}
	}
}

func TestReader(t *testing.T) {
	tests := []struct {
		name, in string
		want     [][]string
		lines    []int
	}{
		{"plain", "a,b\nc,d\n", [][]string{{"a", "b"}, {"c", "d"}}, []int{1, 2}},
		{"no end", "a,b", [][]string{{"a", "b"}}, []int{1}},
		{"CR LF", "a,b\r\nc,d\r\n", [][]string{{"a", "b"}, {"c", "d"}}, []int{1, 2}},
		{"quoted", "\"a \"\"x\"\"\",\"b,\nc\"\nd,e\n", [][]string{{`a "x"`, "b,\nc"}, {"d", "e"}}, []int{1, 3}},
		{"quote inside", "a \"x\",b\n", [][]string{{`a "x"`, "b"}}, []int{1}},
		{"text after quote", "\"a\" x,b\n", [][]string{{"a x", "b"}}, []int{1}},
		{"empty fields", ",\n\n", [][]string{{"", ""}, {""}}, []int{1, 2}},
		{"quote never closed", "a,\"b\nc,d\ne,f\n", [][]string{nil, {"c", "d"}, {"e", "f"}}, []int{1, 2, 3}},
		{"long row", strings.Repeat("x", maxField+1) + "\na,b\n", [][]string{nil, {"a", "b"}}, []int{1, 2}},
		{"many fields", strings.Repeat(",", maxFields+2) + "\na,b\n", [][]string{nil, {"a", "b"}}, []int{1, 2}},
	}
	for _, tt := range tests {
		rows, lines := rowsOf(t, tt.in, ',')
		if !reflect.DeepEqual(rows, tt.want) || !reflect.DeepEqual(lines, tt.lines) {
			t.Errorf("%s: got %q at %v, want %q at %v", tt.name, rows, lines, tt.want, tt.lines)
		}
	}
}

func TestDelimiter(t *testing.T) {
	for want, text := range map[byte]string{
		';':  "email;name\njan@example.com;Novak, Jan\n",
		'\t': "email\tname\njan@example.com\tJan\n",
		'|':  "jan@example.com|Jan\n",
		',':  "email,name\njan@example.com,\"Jan; x\"\n",
	} {
		if got := delimiter([]byte(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	const text = "email,имя\njan@example.com,Ян Новак, читатель утренней газеты\n"
	cp1251 := []byte("email,\xe8\xec\xff\njan@example.com,\xdf\xed \xcd\xee\xe2\xe0\xea, \xf7\xe8\xf2\xe0\xf2\xe5\xeb\xfc \xf3\xf2\xf0\xe5\xed\xed\xe5\xe9 \xe3\xe0\xe7\xe5\xf2\xfb\n")
	utf16, utf16be := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, r := range text {
		utf16, utf16be = append(utf16, byte(r), byte(r>>8)), append(utf16be, byte(r>>8), byte(r))
	}
	for name, in := range map[string][]byte{"utf-8": []byte(text), "with mark": []byte("\xef\xbb\xbf" + text), "windows-1251": cp1251,
		"utf-16": utf16, "utf-16 without mark": utf16[2:], "utf-16be": utf16be, "utf-16be without mark": utf16be[2:]} {
		r, charset, err := decode(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != text {
			t.Errorf("%s (taken for %s): %q, %v", name, charset, got, err)
		}
	}
	for range 50 { // gb18030 is as good a guess, and which comes first is chance
		if got := guessCharset([]byte("email,\xe8\xec\xff\nan@example.com,\xc0\xed\xed\xe0\n")); got != "windows-1251" {
			t.Fatalf("Анна is taken for %s", got)
		}
	}
	r, charset, err := decode(strings.NewReader("email,name\njan@example.com,J\xf6rg M\xfcller\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(r); !strings.Contains(string(got), "Jörg Müller") {
		t.Errorf("western text, taken for %s: %q", charset, got)
	}
}

// FuzzReader: whatever the file holds, reading ends, no row is longer than the
// limits, and what encoding/csv writes is read as it was.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"a,b\n", "\"a\nb\",c\n", "\"\"\"", "a\"b,\"c\n\n,\r\n", strings.Repeat("\"x\n", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rows, _ := rowsOf(t, s, ',')
		for _, row := range rows {
			size := 0
			for _, cell := range row {
				size += len(cell)
			}
			if size > maxRow || len(row) > maxFields+1 {
				t.Fatalf("a row of %d octets and %d fields", size, len(row))
			}
		}
		delimiter([]byte(s))
		fields := strings.Split(strings.ReplaceAll(s, "\r", ""), ";")
		if len(s) > 1000 || len(fields) > maxFields {
			return
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Write(fields)
		w.Flush()
		again, _ := rowsOf(t, b.String(), ',')
		if len(again) != 1 || !reflect.DeepEqual(again[0], fields) {
			t.Fatalf("%q was written as %q and read as %q", fields, b.String(), again)
		}
	})
}

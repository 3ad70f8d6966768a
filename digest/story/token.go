package story

import (
	"slices"
	"unicode"
)

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// words appends the hashes of a text's words to out, at most limit, without
// allocating strings. Runs of letters and digits are words, whatever their case; in
// scripts that do not space their words each letter is one.
func words(s string, limit int, out []uint32) []uint32 {
	in := false
	h := uint32(fnvOffset)
	flush := func() {
		if in {
			out = append(out, h)
			in = false
		}
	}
	for _, r := range s {
		switch {
		case len(out) >= limit:
			return out
		case unspaced(r):
			flush()
			out = append(out, mix(fnvOffset, r))
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if !in {
				h, in = fnvOffset, true
			}
			h = mix(h, unicode.ToLower(r))
		case unicode.IsMark(r) || r == '\u200c' || r == '\u200d' || r == '\u00ad': // vowel signs, joiners: part of the word, ignored
		default:
			flush()
		}
	}
	flush()
	return out
}

func mix(h uint32, r rune) uint32 {
	for r > 0 {
		h = (h ^ uint32(r&0xff)) * fnvPrime
		r >>= 8
	}
	return h
}

func endsSentence(r rune) bool {
	switch r {
	case '.', '!', '?', ':', '\n', '“', '"', '«', '۔', '؟', '।', '。':
		return true
	}
	return false
}

// unspaced reports whether r belongs to a script written without spaces.
func unspaced(r rune) bool {
	return r >= 0x0E00 && r <= 0x0EFF || r >= 0x1000 && r <= 0x109F || r >= 0x1780 && r <= 0x17FF || // Thai, Lao, Burmese, Khmer
		r >= 0x3040 && r <= 0x30FF || r >= 0x3400 && r <= 0x4DBF || r >= 0x4E00 && r <= 0x9FFF || r >= 0x20000 && r <= 0x3FFFF
}

// shingles returns the distinct three-word runs of a text as sorted hashes. A
// text of fewer words is one shingle, an empty one none.
func shingles(ws []uint32) []uint32 {
	if len(ws) == 0 {
		return nil
	}
	n := max(len(ws)-2, 1)
	out := make([]uint32, 0, n)
	for i := range n {
		h := uint32(fnvOffset)
		for _, w := range ws[i:min(i+3, len(ws))] {
			h = (h ^ w) * 0x9E3779B1
			h ^= h >> 15
		}
		out = append(out, h*0x85EBCA6B)
	}
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

// common counts what two sorted lists share.
func common(a, b []uint32) int {
	n := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			n++
			i++
			j++
		}
	}
	return n
}

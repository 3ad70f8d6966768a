package fetch

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"testing"
)

// square is a PNG of one colour.
func square(t testing.TB, side int, c color.Color) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		m.Set(i%side, i/side, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// ico packs pictures into a Windows icon.
func ico(sides []int, files ...string) string {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, []uint16{0, 1, uint16(len(files))})
	at := 6 + 16*len(files)
	for i, f := range files {
		b.Write([]byte{byte(sides[i]), byte(sides[i]), 0, 0, 1, 0, 32, 0})
		binary.Write(&b, binary.LittleEndian, []uint32{uint32(len(f)), uint32(at)})
		at += len(f)
	}
	for _, f := range files {
		b.WriteString(f)
	}
	return b.String()
}

// bitmap is the bitmap inside an icon: red above, blue below.
func bitmap(side int) string {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, []uint32{40, uint32(side), uint32(2 * side)})
	binary.Write(&b, binary.LittleEndian, []uint16{1, 32})
	binary.Write(&b, binary.LittleEndian, make([]uint32, 6))
	for y := range side {
		for range side {
			b.Write([][]byte{{255, 0, 0, 255}, {0, 0, 255, 255}}[y*2/side])
		}
	}
	return b.String()
}

func TestIcon(t *testing.T) {
	red, green, blue := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}
	var animated bytes.Buffer
	gif.Encode(&animated, image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{green}), nil)
	data := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(square(t, 8, blue)))
	for _, c := range []struct {
		name  string
		pages map[string]string
		side  int // 0 = none
		top   color.NRGBA
	}{
		{"the one of the right size", map[string]string{"/": `<html><link rel="icon" href="/big.png" sizes="512x512"><link rel="shortcut icon" href="/fit.png" sizes="48x48"><link rel="icon" href="/tiny.png" sizes="16x16">`,
			"/big.png": square(t, 512, red), "/fit.png": square(t, 48, green), "/tiny.png": square(t, 16, blue)}, 32, green},
		{"drawings are passed over", map[string]string{"/": `<html><link rel="icon" type="image/svg+xml" href="/x"><link rel=icon href=y.svg>`, "/x": "<svg onload=alert(1)>", "/favicon.ico": square(t, 16, red)}, 16, red},
		{"what cannot be read is passed over", map[string]string{"/": `<html><link rel="icon" href="/bad"><link rel="apple-touch-icon" href="/good">`, "/bad": "<html>", "/good": animated.String()}, 16, green},
		{"inside the page", map[string]string{"/": `<html><link rel="icon" href="` + data + `">`}, 8, blue},
		{"where they always were", map[string]string{"/": "<html>", "/favicon.ico": ico([]int{16, 64}, bitmap(16), square(t, 64, blue))}, 32, blue},
		{"an old bitmap", map[string]string{"/": "<html>", "/favicon.ico": ico([]int{16}, bitmap(16))}, 16, red},
		{"not a page at all", map[string]string{"/favicon.ico": square(t, 4, green)}, 4, green},
		{"none", map[string]string{"/": "<html>"}, 0, red},
		{"too large to be decoded", map[string]string{"/": `<html>`, "/favicon.ico": square(t, 2000, red)}, 0, red},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := local().Icon(t.Context(), site(t, c.pages)+"/")
			if c.side == 0 {
				if got != nil {
					t.Errorf("got %d bytes, want none", len(got))
				}
				return
			}
			m, err := png.Decode(bytes.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}
			r, g, b, _ := m.At(0, 0).RGBA()
			if top := (color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}); m.Bounds().Dx() != c.side || top != c.top {
				t.Errorf("%v, first pixel %v; want %d, %v", m.Bounds(), top, c.side, c.top)
			}
		})
	}
}

// FuzzIcon: whatever file, no more than a small picture comes of it.
func FuzzIcon(f *testing.F) {
	f.Add([]byte(ico([]int{16, 64}, bitmap(16), square(f, 64, color.White))))
	f.Add([]byte(ico([]int{16}, bitmap(16))))
	f.Add([]byte(square(f, 40, color.Black)))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := decodeIcon(file)
		if err != nil {
			return
		}
		if b := shrink(m).Bounds(); b.Dx() > iconSide || b.Dy() > iconSide || b.Empty() {
			t.Fatalf("%d bytes give a picture of %v", len(file), b)
		}
	})
}

package fetch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	"image/png"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"pressrun/digest/feed"
)

const (
	iconSide   = 32        // pixels of what Icon returns, at most
	iconBytes  = 256 << 10 // of a file that is looked at
	iconPixels = 1024      // to a side of a picture that is decoded
	iconTries  = 4
)

var errIcon = errors.New("not a picture that can be read")

// Icon is the small picture by which a site is known, drawn anew as a PNG of at
// most 32 pixels to a side: none of the site's own bytes are handed on. It looks
// at the links of the site's page, pictures of about that size first, and at
// /favicon.ico; drawings (SVG) are passed over. nil when there is none.
func (c *Client) Icon(ctx context.Context, site string) []byte {
	var list []string
	if page, err := c.Get(ctx, site, Validators{}); err == nil {
		site = page.URL
		list = iconLinks(feed.UTF8(page.Body, page.ContentType))
	}
	list = append(list[:min(len(list), iconTries-1)], "/favicon.ico")
	for _, ref := range list {
		file := dataURL(ref)
		if file == nil {
			address := feed.Absolute(site, ref)
			if address == "" {
				continue
			}
			r, err := c.get(ctx, address, Validators{}, iconBytes)
			if err != nil {
				continue
			}
			file = r.Body
		}
		if m, err := decodeIcon(file); err == nil {
			var out bytes.Buffer
			if png.Encode(&out, shrink(m)) == nil {
				return out.Bytes()
			}
		}
	}
	return nil
}

// iconLinks lists what a page links as its icons, the most fitting first.
func iconLinks(page []byte) []string {
	type link struct {
		href string
		off  int // how far from the size that is wanted
	}
	var links []link
	for z := html.NewTokenizer(bytes.NewReader(page)); len(links) < 50; {
		switch z.Next() {
		case html.ErrorToken:
			slices.SortStableFunc(links, func(a, b link) int { return cmp.Compare(a.off, b.off) })
			var out []string
			for _, l := range links {
				out = append(out, l.href)
			}
			return out
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.DataAtom != atom.Link {
				continue
			}
			a := map[string]string{}
			for _, x := range t.Attr {
				a[x.Key] = strings.TrimSpace(x.Val)
			}
			rel := strings.Fields(strings.ToLower(a["rel"]))
			touch := slices.Contains(rel, "apple-touch-icon")
			if a["href"] == "" || !touch && !slices.Contains(rel, "icon") || strings.Contains(a["type"], "svg") || strings.HasSuffix(a["href"], ".svg") {
				continue
			}
			l := link{a["href"], 100}
			if touch {
				l.off = 150
			}
			if side, err := strconv.Atoi(strings.Split(strings.ToLower(a["sizes"]), "x")[0]); err == nil && side > 0 {
				if l.off = side - iconSide; l.off < 0 {
					l.off *= -8
				}
			}
			links = append(links, l)
		}
	}
	return nil
}

// dataURL is the content of a "data:" address of a picture (RFC 2397), nil for
// any other.
func dataURL(ref string) []byte {
	head, body, ok := strings.Cut(ref, ",")
	if !ok || len(ref) > iconBytes || !strings.HasPrefix(strings.ToLower(head), "data:image/") {
		return nil
	}
	text, err := url.PathUnescape(body)
	if err != nil {
		return nil
	}
	if strings.HasSuffix(strings.ToLower(head), ";base64") {
		return unbase64(text)
	}
	return []byte(text)
}

func decodeIcon(file []byte) (image.Image, error) {
	if len(file) > 6 && binary.LittleEndian.Uint32(file) == 0x00010000 {
		return decodeICO(file)
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || size.Width < 1 || size.Height < 1 || size.Width > iconPixels || size.Height > iconPixels {
		return nil, errIcon
	}
	m, _, err := image.Decode(bytes.NewReader(file))
	return m, err
}

// decodeICO reads the picture of a Windows icon that is nearest above the size
// wanted, else the largest: a PNG, or a bitmap of 24 or 32 bits.
func decodeICO(file []byte) (image.Image, error) {
	n := int(binary.LittleEndian.Uint16(file[4:]))
	best, width := -1, 0
	for i := range min(n, 32) {
		at := 6 + 16*i
		if at+16 > len(file) {
			break
		}
		w := int(file[at])
		if w == 0 {
			w = 256
		}
		bits := binary.LittleEndian.Uint16(file[at+6:])
		if bits != 0 && bits < 24 {
			continue
		}
		if best < 0 || width < iconSide && w > width || w >= iconSide && w < width {
			best, width = at, w
		}
	}
	if best < 0 {
		return nil, errIcon
	}
	size, at := int(binary.LittleEndian.Uint32(file[best+8:])), int(binary.LittleEndian.Uint32(file[best+12:]))
	if at < 0 || size < 0 || at > len(file) || size > len(file)-at {
		return nil, errIcon
	}
	file = file[at : at+size]
	if bytes.HasPrefix(file, []byte("\x89PNG")) {
		return decodeIcon(file)
	}
	return decodeBitmap(file)
}

// decodeBitmap reads a BITMAPINFOHEADER with the pixels after it, lowest row
// first; its height counts the mask behind them too.
func decodeBitmap(b []byte) (image.Image, error) {
	if len(b) < 40 || binary.LittleEndian.Uint32(b) < 40 || binary.LittleEndian.Uint32(b[16:]) != 0 {
		return nil, errIcon
	}
	w, h := int(int32(binary.LittleEndian.Uint32(b[4:]))), int(int32(binary.LittleEndian.Uint32(b[8:])))/2
	bits, skip := int(binary.LittleEndian.Uint16(b[14:])), int(binary.LittleEndian.Uint32(b))
	if w < 1 || h < 1 || w > iconPixels || h > iconPixels || bits != 24 && bits != 32 {
		return nil, errIcon
	}
	row := (w*bits/8 + 3) &^ 3
	if skip > len(b) || row*h > len(b)-skip {
		return nil, errIcon
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := b[skip+(h-1-y)*row+x*bits/8:]
			alpha := byte(255)
			if bits == 32 {
				alpha = p[3]
			}
			m.SetNRGBA(x, y, color.NRGBA{p[2], p[1], p[0], alpha})
		}
	}
	return m, nil
}

// shrink makes a picture small enough by averaging; a small one stays as it is.
func shrink(m image.Image) image.Image {
	b := m.Bounds()
	side := max(b.Dx(), b.Dy())
	if side <= iconSide {
		return m
	}
	out := image.NewNRGBA(image.Rect(0, 0, max(1, b.Dx()*iconSide/side), max(1, b.Dy()*iconSide/side)))
	w, h := out.Rect.Dx(), out.Rect.Dy()
	for y := range h {
		for x := range w {
			out.Set(x, y, average(m, image.Rect(b.Min.X+x*b.Dx()/w, b.Min.Y+y*b.Dy()/h, b.Min.X+(x+1)*b.Dx()/w, b.Min.Y+(y+1)*b.Dy()/h)))
		}
	}
	return out
}

func average(m image.Image, area image.Rectangle) color.Color {
	var r, g, b, a, n uint64
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			pr, pg, pb, pa := m.At(x, y).RGBA()
			r, g, b, a, n = r+uint64(pr), g+uint64(pg), b+uint64(pb), a+uint64(pa), n+1
		}
	}
	n = max(n, 1)
	return color.RGBA64{uint16(r / n), uint16(g / n), uint16(b / n), uint16(a / n)}
}

func unbase64(s string) []byte {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, s)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		b, _ = base64.RawStdEncoding.DecodeString(s)
	}
	return b
}

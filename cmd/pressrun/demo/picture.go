package demo

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Size of every lead picture, in pixels.
const (
	pictureWidth  = 1200
	pictureHeight = 675
)

// maxPicture is how large a picture may be, in bytes.
const maxPicture = 40_000

// servePicture draws the lead picture of an article, once.
func (s *Site) servePicture(w http.ResponseWriter, r *http.Request) {
	slug, ok := strings.CutSuffix(r.PathValue("file"), ".jpg")
	for _, a := range s.Articles() {
		if !ok || a.Slug != slug || a.picture() != r.URL.Path {
			continue
		}
		drawn, _ := s.pictures.LoadOrStore(slug, sync.OnceValues(func() ([]byte, error) { return draw(a.ms.picture, slug) }))
		b, err := drawn.(func() ([]byte, error))()
		if err != nil {
			http.Error(w, "this picture could not be drawn", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Cache-Control", "public, max-age=86400")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
		return
	}
	http.NotFound(w, r)
}

// draw makes the JPEG of a motif; the same slug always gives the same picture.
func draw(motif, slug string) ([]byte, error) {
	h := fnv.New64a()
	h.Write([]byte(slug))
	seed := h.Sum64()
	rng := rand.New(rand.NewPCG(seed, 1))
	p := palettes[rng.IntN(len(palettes))]
	c := &canvas{RGBA: image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight)), rng: rng, palette: p}
	scene := scenes[motif]
	if scene == nil {
		scene = (*canvas).hills
	}
	scene(c)
	var b bytes.Buffer
	for quality := 80; quality >= 30; quality -= 10 {
		b.Reset()
		if err := jpeg.Encode(&b, c.RGBA, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("draw %s: %w", slug, err)
		}
		if b.Len() <= maxPicture {
			break
		}
	}
	return b.Bytes(), nil
}

// A palette is the light of a picture: the sky, what glows in it, and the land
// from far to near.
type palette struct {
	high, low, glow, far, near color.RGBA
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

var palettes = []palette{
	{rgb(0x2f5d7c), rgb(0xf3d9b1), rgb(0xffe9c4), rgb(0x7f9aa6), rgb(0x1d3444)}, // morning
	{rgb(0x1f3b57), rgb(0xe8895c), rgb(0xffd08a), rgb(0x8a5a5e), rgb(0x1c2233)}, // evening
	{rgb(0x8fb8c9), rgb(0xeef3ee), rgb(0xffffff), rgb(0x9db7a8), rgb(0x2c4a45)}, // clear day
	{rgb(0x5a6b78), rgb(0xd5dadb), rgb(0xf4f1e6), rgb(0x8b979c), rgb(0x2a343a)}, // overcast
	{rgb(0x16203a), rgb(0x4b5c86), rgb(0xf6e7b8), rgb(0x3a4870), rgb(0x0e1424)}, // night
	{rgb(0xb5654a), rgb(0xf6e0c0), rgb(0xfff3d6), rgb(0xc48f6d), rgb(0x4a2a2a)}, // autumn
}

// mix is the colour at t between a (0) and b (1).
func mix(a, b color.RGBA, t float64) color.RGBA {
	at := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*t + .5) }
	return color.RGBA{at(a.R, b.R), at(a.G, b.G), at(a.B, b.B), 255}
}

type point struct{ x, y float64 }

// canvas is a picture being drawn, in a size of 1200 by 675.
type canvas struct {
	*image.RGBA
	rng *rand.Rand
	palette
}

// between is a random number from lo to hi.
func (c *canvas) between(lo, hi float64) float64 { return lo + c.rng.Float64()*(hi-lo) }

// layer is the colour of land at depth t, from far (0) to near (1).
func (c *canvas) layer(t float64) color.RGBA { return mix(c.far, c.near, t) }

// gradient fills the rows from top to bottom.
func (c *canvas) gradient(top, bottom int, from, to color.RGBA) {
	for y := max(top, 0); y < min(bottom, pictureHeight); y++ {
		col := mix(from, to, float64(y-top)/float64(bottom-top))
		row := c.Pix[y*c.Stride : y*c.Stride+4*pictureWidth]
		for x := 0; x < len(row); x += 4 {
			row[x], row[x+1], row[x+2], row[x+3] = col.R, col.G, col.B, 255
		}
	}
}

// fill paints a polygon with smooth edges: each row is sampled four times, and
// each sample covers the pixels between two crossings exactly.
func (c *canvas) fill(col color.RGBA, alpha float64, pts ...point) {
	const samples = 4
	left, right, top, bottom := pts[0].x, pts[0].x, pts[0].y, pts[0].y
	for _, p := range pts {
		left, right, top, bottom = min(left, p.x), max(right, p.x), min(top, p.y), max(bottom, p.y)
	}
	from, to := max(int(left), 0), min(int(right)+1, pictureWidth)
	if from >= to {
		return
	}
	cover := make([]float64, to-from)
	for y := max(int(top), 0); y <= min(int(bottom), pictureHeight-1); y++ {
		clear(cover)
		for s := range samples {
			addCrossings(cover, float64(from), pts, float64(y)+(float64(s)+.5)/samples, 1.0/samples)
		}
		for x, a := range cover {
			if a > 0 {
				c.blend(from+x, y, col, min(a, 1)*alpha)
			}
		}
	}
}

// addCrossings adds what the polygon covers on the line at y, by the even-odd
// rule; cover begins at the pixel left.
func addCrossings(cover []float64, left float64, pts []point, y, weight float64) {
	var room [8]float64
	xs := room[:0]
	for i, a := range pts {
		b := pts[(i+1)%len(pts)]
		if (a.y <= y) != (b.y <= y) {
			xs = append(xs, a.x+(y-a.y)/(b.y-a.y)*(b.x-a.x)-left)
		}
	}
	sortFew(xs)
	for i := 0; i+1 < len(xs); i += 2 {
		from, to := max(xs[i], 0), min(xs[i+1], float64(len(cover)))
		for x := int(from); float64(x) < to; x++ {
			cover[x] += weight * (min(to, float64(x+1)) - max(from, float64(x)))
		}
	}
}

func sortFew(xs []float64) {
	for i := 1; i < len(xs); i++ {
		for j := i; j > 0 && xs[j] < xs[j-1]; j-- {
			xs[j], xs[j-1] = xs[j-1], xs[j]
		}
	}
}

func (c *canvas) blend(x, y int, col color.RGBA, a float64) {
	i := y*c.Stride + 4*x
	c.Pix[i] = uint8(float64(c.Pix[i])*(1-a) + float64(col.R)*a + .5)
	c.Pix[i+1] = uint8(float64(c.Pix[i+1])*(1-a) + float64(col.G)*a + .5)
	c.Pix[i+2] = uint8(float64(c.Pix[i+2])*(1-a) + float64(col.B)*a + .5)
}

func (c *canvas) rect(col color.RGBA, alpha, x, y, w, h float64) {
	c.fill(col, alpha, point{x, y}, point{x + w, y}, point{x + w, y + h}, point{x, y + h})
}

func (c *canvas) disc(col color.RGBA, alpha, x, y, r float64) { c.oval(col, alpha, x, y, r, r) }

func (c *canvas) oval(col color.RGBA, alpha, x, y, rx, ry float64) {
	var pts []point
	for i := range 72 {
		a := float64(i) * 2 * math.Pi / 72
		pts = append(pts, point{x + rx*math.Cos(a), y + ry*math.Sin(a)})
	}
	c.fill(col, alpha, pts...)
}

// stroke is a straight line of width w.
func (c *canvas) stroke(col color.RGBA, alpha, w, x1, y1, x2, y2 float64) {
	d := math.Hypot(x2-x1, y2-y1)
	dx, dy := (y2-y1)/d*w/2, (x1-x2)/d*w/2
	c.fill(col, alpha, point{x1 + dx, y1 + dy}, point{x2 + dx, y2 + dy}, point{x2 - dx, y2 - dy}, point{x1 - dx, y1 - dy})
}

// ridge is land under a wavy line around y.
func (c *canvas) ridge(col color.RGBA, y, swing float64) {
	a, b := c.between(0, 6), c.between(0, 6)
	pts := []point{{-1, pictureHeight + 1}}
	for x := -1.0; x <= pictureWidth+20; x += 20 {
		pts = append(pts, point{x, y + swing*(.6*math.Sin(x/260+a)+.4*math.Sin(x/97+b))})
	}
	c.fill(col, 1, append(pts, point{pictureWidth + 21, pictureHeight + 1})...)
}

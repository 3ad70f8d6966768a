package demo

import (
	"image/color"
	"math"
)

// scenes are the motifs that an article can ask for with "picture:".
var scenes = map[string]func(*canvas){
	"harbour": (*canvas).harbour, "street": (*canvas).street, "hills": (*canvas).hills, "hall": (*canvas).hall,
	"pitch": (*canvas).pitch, "stage": (*canvas).stage, "lab": (*canvas).lab, "chart": (*canvas).chart,
	"rail": (*canvas).rail, "storm": (*canvas).storm, "books": (*canvas).books, "market": (*canvas).market, "night": (*canvas).night,
}

func (c *canvas) sky(horizon float64) {
	c.gradient(0, int(horizon), c.high, c.low)
	x, y, r := c.between(250, 950), c.between(.45, .8)*horizon, c.between(50, 90)
	for i := range 5 {
		c.disc(c.glow, .08, x, y, r*(3.2-.5*float64(i)))
	}
	c.disc(c.glow, .95, x, y, r)
}

func (c *canvas) water(top float64) {
	c.gradient(int(top), pictureHeight, mix(c.low, c.far, .45), mix(c.high, c.near, .55))
	for range 46 {
		y := c.between(top+8, pictureHeight)
		near := (y - top) / (pictureHeight - top)
		c.rect(c.glow, .10+.12*near, c.between(-100, 1100), y, c.between(60, 260)*(.4+near), 1.5+3*near)
	}
}

func (c *canvas) harbour() {
	c.sky(400)
	c.ridge(c.layer(.1), 350, 30)
	c.skyline(395, c.layer(.3), 30, 90)
	for x := c.between(60, 160); x < 1150; x += c.between(230, 380) {
		c.crane(x, 400, c.between(.8, 1.25))
	}
	c.water(398)
	c.boat(c.between(250, 900), c.between(500, 590), c.between(.8, 1.5))
}

func (c *canvas) crane(x, y, s float64) {
	col := c.layer(.65)
	for _, leg := range []float64{-22, 22} {
		c.stroke(col, 1, 6*s, x+leg*s, y, x+leg*.7*s, y-120*s)
	}
	c.stroke(col, 1, 5*s, x-18*s, y-60*s, x+18*s, y-60*s)
	c.rect(col, 1, x-26*s, y-136*s, 52*s, 22*s)
	c.stroke(col, 1, 7*s, x-60*s, y-140*s, x+150*s, y-150*s)
	c.stroke(col, 1, 3*s, x, y-190*s, x+140*s, y-150*s)
	c.stroke(col, 1, 5*s, x, y-130*s, x, y-190*s)
	c.stroke(col, 1, 2*s, x+110*s, y-148*s, x+110*s, y-70*s)
}

func (c *canvas) boat(x, y, s float64) {
	hull := c.layer(1)
	c.fill(hull, 1, point{x - 110*s, y}, point{x + 120*s, y - 8*s}, point{x + 90*s, y + 36*s}, point{x - 90*s, y + 36*s})
	c.rect(mix(c.glow, c.far, .2), 1, x-60*s, y-44*s, 80*s, 46*s)
	c.rect(hull, .8, x-48*s, y-34*s, 56*s, 14*s)
	c.stroke(hull, 1, 5*s, x+50*s, y, x+50*s, y-110*s)
	c.stroke(hull, 1, 2*s, x+50*s, y-108*s, x+112*s, y-8*s)
	c.rect(c.near, .25, x-90*s, y+38*s, 180*s, 10*s)
}

// skyline is a row of houses standing on base.
func (c *canvas) skyline(base float64, col color.RGBA, low, high float64) {
	for x := -10.0; x < pictureWidth; {
		w, h := c.between(40, 110), c.between(low, high)
		c.rect(col, 1, x, base-h, w+1, h)
		if c.rng.IntN(3) == 0 {
			c.fill(col, 1, point{x, base - h}, point{x + w/2, base - h - c.between(20, 50)}, point{x + w, base - h})
		}
		x += w
	}
}

func (c *canvas) street() {
	c.sky(620)
	c.skyline(680, c.layer(.1), 250, 400)
	c.skyline(680, c.layer(.4), 170, 320)
	for x := -20.0; x < pictureWidth; {
		w, h := c.between(120, 190), c.between(150, 300)
		c.house(x, 640-h, w, h)
		x += w + 4
	}
	c.gradient(640, pictureHeight, c.layer(.9), c.near)
	for x := 0.0; x < pictureWidth; x += 120 {
		c.rect(c.glow, .5, x, 656, 60, 4)
	}
}

func (c *canvas) house(x, y, w, h float64) {
	wall := mix(c.layer(.75), c.glow, c.between(0, .12))
	c.rect(wall, 1, x, y, w, h)
	c.fill(c.near, 1, point{x - 6, y}, point{x + w/2, y - c.between(30, 60)}, point{x + w + 6, y})
	for wy := y + 26; wy < y+h-40; wy += 52 {
		for wx := x + 18; wx < x+w-28; wx += 40 {
			lit := mix(c.near, c.glow, .15)
			if c.rng.IntN(3) > 0 {
				lit = c.glow
			}
			c.rect(lit, .9, wx, wy, 22, 30)
		}
	}
}

func (c *canvas) hills() {
	c.sky(520)
	for i := range 5 {
		t := float64(i) / 4
		c.ridge(c.layer(t), 330+75*float64(i), 60-6*float64(i))
	}
	for range 16 {
		x, y, s := c.between(0, 1200), c.between(560, 650), c.between(.6, 1.4)
		c.fill(c.near, 1, point{x, y - 90*s}, point{x + 26*s, y}, point{x - 26*s, y})
	}
}

func (c *canvas) hall() {
	c.sky(540)
	c.skyline(545, c.layer(.2), 60, 170)
	c.gradient(540, pictureHeight, c.layer(.6), c.layer(.9))
	stone := mix(c.glow, c.far, .35)
	shade := mix(stone, c.near, .45)
	c.rect(stone, 1, 230, 280, 740, 270)
	c.fill(stone, 1, point{200, 270}, point{600, 120}, point{1000, 270})
	c.fill(shade, .5, point{270, 256}, point{600, 140}, point{930, 256})
	c.rect(shade, 1, 200, 268, 800, 18)
	c.rect(shade, .9, 250, 300, 700, 250)
	for x := 262.0; x < 940; x += 96 {
		c.rect(stone, 1, x, 300, 44, 240)
		c.rect(mix(stone, c.near, .2), 1, x+30, 300, 14, 240)
	}
	for i := range 4 {
		c.rect(mix(stone, c.near, .12*float64(i)), 1, 190-20*float64(i), 540+18*float64(i), 820+40*float64(i), 19)
	}
	c.stroke(c.near, 1, 5, 600, 122, 600, 40)
	c.fill(mix(c.glow, rgb(0xa3231f), .8), 1, point{602, 42}, point{680, 58}, point{602, 78})
}

func (c *canvas) pitch() {
	c.gradient(0, 300, c.high, mix(c.low, c.high, .5))
	c.skyline(300, c.layer(.5), 40, 60)
	grass, dark := mix(rgb(0x4f8a4c), c.near, .12), mix(rgb(0x3f763f), c.near, .2)
	c.gradient(290, pictureHeight, dark, dark)
	for i := -6; i < 12; i += 2 {
		a, b := 600+float64(i-3)*70, 600+float64(i-3)*210
		c.fill(grass, 1, point{a, 290}, point{a + 70, 290}, point{b + 210, 676}, point{b, 676})
	}
	white := rgb(0xf4f4ee)
	c.oval(white, .85, 600, 440, 190, 52)
	c.oval(grass, 1, 600, 440, 183, 47)
	c.rect(white, .85, 0, 438, 1200, 5)
	c.oval(white, .9, 600, 440, 9, 4)
	for _, x := range []float64{120, 1080} {
		c.stroke(c.near, 1, 8, x, 300, x, 70)
		c.rect(c.near, 1, x-46, 40, 92, 44)
		for i := range 3 {
			c.disc(c.glow, .12, x, 62, 70+50*float64(i))
			c.disc(c.glow, 1, x-28+28*float64(i), 62, 10)
		}
	}
	x := c.between(350, 850)
	c.oval(c.near, .35, x, 600, 40, 8)
	c.disc(white, 1, x, 566, 34)
	c.disc(c.near, .85, x, 566, 11)
}

func (c *canvas) stage() {
	c.gradient(0, pictureHeight, mix(c.near, rgb(0x120c10), .5), c.near)
	for i := range 4 {
		x := 160 + 290*float64(i) + c.between(-60, 60)
		foot := c.between(250, 950)
		c.fill(mix(c.glow, c.low, .5), .16, point{x - 12, 0}, point{x + 12, 0}, point{foot + 130, 560}, point{foot - 130, 560})
		c.oval(c.glow, .14, foot, 560, 140, 26)
	}
	c.gradient(560, pictureHeight, mix(c.near, c.low, .25), c.near)
	for x := c.between(180, 300); x < 1000; x += c.between(130, 210) {
		c.figure(x, 575, c.between(.9, 1.15))
	}
	curtain := mix(rgb(0x7c1f24), c.near, .3)
	for _, side := range []float64{-1, 1} {
		for i := range 5 {
			w := 150 - 24*float64(i)
			x := 600 + side*600
			c.fill(mix(curtain, c.near, .12*float64(i)), 1, point{x, -1}, point{x - side*w*1.2, -1}, point{x - side*w, 676}, point{x, 676})
		}
	}
}

// figure is somebody standing at (x, y).
func (c *canvas) figure(x, y, s float64) {
	col := rgb(0x0d0a0e)
	c.disc(col, 1, x, y-168*s, 20*s)
	c.fill(col, 1, point{x - 30*s, y - 140*s}, point{x + 30*s, y - 140*s}, point{x + 24*s, y - 60*s}, point{x + 26*s, y}, point{x + 6*s, y}, point{x, y - 56*s}, point{x - 6*s, y}, point{x - 26*s, y}, point{x - 24*s, y - 60*s})
}

func (c *canvas) lab() {
	c.gradient(0, pictureHeight, c.high, mix(c.high, c.near, .7))
	var nodes []point
	for range 17 {
		nodes = append(nodes, point{c.between(60, 1140), c.between(60, 615)})
	}
	for i, a := range nodes {
		for _, b := range nodes[:i] {
			if math.Hypot(a.x-b.x, a.y-b.y) < 300 {
				c.stroke(c.low, .4, 3, a.x, a.y, b.x, b.y)
			}
		}
	}
	for _, p := range nodes {
		r := c.between(12, 44)
		c.disc(c.glow, .18, p.x, p.y, r*1.7)
		c.disc(mix(c.low, c.glow, c.rng.Float64()), .95, p.x, p.y, r)
		c.disc(c.near, .25, p.x+r*.25, p.y+r*.25, r*.6)
	}
}

func (c *canvas) chart() {
	c.gradient(0, pictureHeight, mix(c.low, c.glow, .6), mix(c.low, c.far, .3))
	for y := 110.0; y < 600; y += 98 {
		c.rect(c.near, .14, 80, y, 1040, 2)
	}
	var line []point
	h := c.between(120, 220)
	for x := 110.0; x < 1100; x += 112 {
		h = min(max(h+c.between(-50, 95), 60), 440)
		c.rect(mix(c.far, c.high, .4), 1, x, 600-h, 66, h)
		line = append(line, point{x + 33, 560 - h*.92})
	}
	for i := range line[1:] {
		c.stroke(c.near, 1, 7, line[i].x, line[i].y, line[i+1].x, line[i+1].y)
	}
	for _, p := range line {
		c.disc(c.near, 1, p.x, p.y, 12)
		c.disc(c.glow, 1, p.x, p.y, 6)
	}
	c.rect(c.near, 1, 80, 598, 1040, 5)
}

func (c *canvas) rail() {
	c.sky(560)
	c.skyline(560, c.layer(.2), 120, 260)
	c.gradient(555, pictureHeight, c.layer(.7), c.near)
	c.stroke(c.near, .7, 2.5, 0, 170, 1200, 150)
	x := c.between(120, 260)
	body, glass := mix(rgb(0xa3231f), c.near, .15), mix(c.glow, c.high, .25)
	for _, car := range []float64{0, 400} {
		c.rect(body, 1, x+car, 300, 385, 250)
		c.rect(mix(body, c.near, .5), 1, x+car, 500, 385, 58)
		c.rect(mix(c.glow, c.low, .3), 1, x+car, 470, 385, 12)
		for i := range 4 {
			c.rect(glass, 1, x+car+22+90*float64(i), 335, 72, 100)
		}
		for _, wheel := range []float64{80, 300} {
			c.disc(c.near, 1, x+car+wheel, 560, 26)
		}
	}
	c.fill(body, 1, point{x + 785, 300}, point{x + 850, 360}, point{x + 866, 558}, point{x + 785, 558})
	c.fill(glass, 1, point{x + 795, 336}, point{x + 836, 372}, point{x + 846, 440}, point{x + 795, 440})
	c.disc(c.glow, 1, x+850, 500, 12)
	for i := range 4 {
		c.disc(c.glow, .1, x+850, 500, 24+26*float64(i))
	}
	c.stroke(c.near, 1, 6, x+380, 300, x+340, 230)
	c.stroke(c.near, 1, 6, x+340, 230, x+390, 164)
	c.rect(mix(c.glow, c.far, .5), .8, 0, 588, 1200, 7)
	c.rect(mix(c.glow, c.far, .5), .8, 0, 630, 1200, 9)
}

func (c *canvas) storm() {
	c.gradient(0, 450, mix(c.high, rgb(0x252c35), .65), mix(c.low, rgb(0x6d7880), .5))
	for range 15 {
		x, y := c.between(-60, 1260), c.between(-10, 170)
		shade := mix(rgb(0x3a434d), rgb(0x8b959c), c.rng.Float64())
		for range 5 {
			c.oval(shade, .5, x+c.between(-120, 120), y+c.between(-20, 40), c.between(80, 170), c.between(36, 70))
		}
	}
	for range 90 {
		x, y, l := c.between(0, 1250), c.between(120, 480), c.between(30, 80)
		c.stroke(rgb(0xdfe6ea), .22, 2, x, y, x-l*.35, y+l)
	}
	for i := range 6 {
		t := float64(i) / 5
		c.ridge(mix(mix(c.far, rgb(0x5d717c), .6), mix(c.near, rgb(0x16242e), .5), t), 410+45*float64(i), 26+5*float64(i))
	}
	c.stroke(c.near, 1, 26, 980, 480, 985, 250)
	c.rect(c.near, 1, 962, 222, 46, 36)
	c.fill(c.glow, .25, point{985, 236}, point{-10, 120}, point{-10, 300})
	c.disc(c.glow, 1, 985, 240, 11)
}

func (c *canvas) books() {
	c.gradient(0, pictureHeight, mix(c.near, c.far, .3), c.near)
	for row := range 3 {
		base := 215 + 215*float64(row)
		for x := 20.0; x < 1180; {
			w, h := c.between(22, 54), c.between(120, 178)
			col := mix([]color.RGBA{c.high, c.low, c.far, rgb(0xa3231f), rgb(0x2f6b5e), c.glow}[c.rng.IntN(6)], c.near, c.between(.05, .35))
			if c.rng.IntN(12) == 0 {
				x += w
				continue
			}
			c.rect(col, 1, x, base-h, w, h)
			c.rect(c.glow, .5, x, base-h+18, w, 4)
			c.rect(c.glow, .35, x, base-30, w, 3)
			x += w + 2
		}
		c.rect(mix(rgb(0x6b4a34), c.near, .3), 1, 0, base, 1200, 18)
		c.rect(rgb(0), .25, 0, base+18, 1200, 12)
	}
}

func (c *canvas) market() {
	c.sky(420)
	c.skyline(440, c.layer(.25), 120, 240)
	c.gradient(430, pictureHeight, c.layer(.6), c.layer(.95))
	for x := -40.0; x < 1200; x += 330 {
		cloth := []color.RGBA{rgb(0xa3231f), rgb(0x2f6b5e), rgb(0xc98a2b), rgb(0x34577a)}[c.rng.IntN(4)]
		for i := range 8 {
			col := cloth
			if i%2 == 1 {
				col = mix(c.glow, c.low, .2)
			}
			a, b := x+20+33*float64(i), x+36*float64(i)
			c.fill(col, 1, point{a, 260}, point{a + 33, 260}, point{b + 36, 345}, point{b, 345})
			c.oval(col, 1, b+18, 345, 18, 14)
		}
		for _, post := range []float64{16, 266} {
			c.rect(c.near, 1, x+post, 350, 9, 250)
		}
		c.rect(mix(rgb(0x6b4a34), c.near, .3), 1, x+6, 490, 280, 110)
		for i := range 22 {
			fruit := []color.RGBA{rgb(0xc8553d), rgb(0xd9a441), rgb(0x6f9a4b), rgb(0x8c3b4a)}[(i/6+int(x))&3]
			c.disc(mix(fruit, c.near, .1), 1, x+24+11.6*float64(i), 486-9*float64(i%3), 14)
		}
	}
}

func (c *canvas) night() {
	c.gradient(0, 560, rgb(0x0d1430), mix(rgb(0x33427a), c.low, .2))
	for range 150 {
		c.disc(rgb(0xfff6dd), c.between(.35, 1), c.between(0, 1200), c.between(0, 470), c.between(.8, 2.8))
	}
	x, y := c.between(200, 1000), c.between(110, 200)
	for i := range 4 {
		c.disc(rgb(0xfff1c9), .06, x, y, 80+40*float64(i))
	}
	c.disc(rgb(0xfff1c9), 1, x, y, 58)
	for _, crater := range [][3]float64{{-18, -14, 13}, {14, 8, 17}, {-8, 26, 9}, {24, -24, 7}} {
		c.disc(rgb(0xe3d3a6), .8, x+crater[0], y+crater[1], crater[2])
	}
	c.ridge(rgb(0x18224a), 480, 40)
	c.ridge(rgb(0x10172f), 560, 26)
	c.rect(rgb(0x0a0f22), 1, 520, 470, 170, 110)
	c.oval(rgb(0x0a0f22), 1, 605, 470, 85, 78)
	c.fill(mix(c.glow, rgb(0xffd27a), .5), .9, point{600, 392}, point{616, 393}, point{622, 470}, point{606, 470})
}

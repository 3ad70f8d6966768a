package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pressrun/deploy/schema/schematest"
	"pressrun/subscribers"
)

// TestPagesReadText sends what no text has, NUL and broken UTF-8, to the pages of
// an installation on PostgreSQL, which refuses both: they are left out.
func TestPagesReadText(t *testing.T) {
	r := newCountingRoom(t, fmt.Sprintf("database = %q\n", schematest.PostgresURL(t)))
	ctx := t.Context()
	if _, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: "morning", Title: "Morning", Public: true}); err != nil {
		t.Fatal(err)
	}
	reader := r.reader(t, "ann@readers.example")
	call := r.as(t, "op@news.example", "operator")
	for _, path := range []string{"/desk/subscribers", "/desk/bounces", "/desk/bounces/mail", "/desk/issues", "/desk/stories", "/desk/sources/1/items", "/desk/users/audit", "/desk/lists", "/desk/alarms"} {
		for _, name := range []string{"q", "list", "state", "reason", "kind", "sort"} {
			for _, value := range []string{"%00", "a%00b", "%FF"} {
				call(200, "GET", path+"?"+name+"="+value, "")
			}
		}
	}
	if page := call(200, "GET", "/desk/subscribers?state=nonsense", ""); !strings.Contains(page, "ann@readers.example") {
		t.Error("a state that does not exist shows other readers than all")
	}
	for _, path := range []string{"/desk/newsletters/%00", "/desk/newsletters/%FF", "/desk/issues/1/frame/%00"} {
		call(404, "GET", path, "")
	}
	list, err := r.Subscribers.ListByName(ctx, "morning")
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/desk/lists/%d", list.ID)
	call(200, "POST", path, "title=Mor%00n%FFing&description=D%00&title-ur=%00&language=en")
	call(413, "POST", path, "title="+strings.Repeat("x", 1<<20))
	call(400, "POST", path, "title=%zz")
	if list, err = r.Subscribers.ListByName(ctx, "morning"); err != nil || list.Title != "Morning" || list.Description != "D" {
		t.Errorf("the list is %+v, %v", list, err)
	}
	call(200, "POST", path, "title="+strings.Repeat("x", 70_000))
	if list, err = r.Subscribers.ListByName(ctx, "morning"); err != nil || len(list.Title) != subscribers.MaxName {
		t.Errorf("the title has %d bytes, %v", len(list.Title), err)
	}
	own := r.Subscribers.PreferencesURL(reader.ID)
	for _, c := range []struct{ method, path, form string }{
		{"GET", "/archive/?q=%00", ""}, {"GET", "/archive/%00", ""}, {"GET", "/archive/%00/%FF", ""},
		{"GET", "/u/%00", ""}, {"GET", "/confirm/%FF", ""}, {"GET", "/preferences/%00", ""}, {"GET", "/subscribe?list=%00&language=%00&email=%00", ""},
		{"POST", "/subscribe", "email=bob%00@readers.example&name=%00&list=%00"}, {"POST", "/subscribe", "email=bob@readers.example&name=B%00ob&list=morning&list=%00&language=%00&zone=%00"},
		{"POST", "/subscribe", "email=eve@readers.example&list=%FF"},
		{"POST", own, "list=%00&do=%00&name=%00&language=%00&pause=%00&email=%00"}, {"POST", own, "leave=%00"}, {"POST", own, "list=%FF&pause=7"},
	} {
		if w := r.ask(c.method, c.path, c.form, nil); w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s %s: %d", c.method, c.path, c.form, w.Code)
		}
	}
}

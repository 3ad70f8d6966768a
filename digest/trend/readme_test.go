package trend_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest/trend"
)

// TestReadmeACL tries the users that the README has operators make.
func TestReadmeACL(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	c, ctx := redisClient(t), t.Context()
	users := make(map[string]*redis.Client)
	for _, line := range regexp.MustCompile("ACL SETUSER [^`\n]+").FindAllString(string(text), -1) {
		line = strings.NewReplacer("PASSWORD", "pw", "{pr:SITE}", "{pr:press}").Replace(line)
		args := []any{}
		for _, word := range strings.Fields(line) {
			args = append(args, word)
		}
		name := fmt.Sprint("user", len(users))
		args[2] = name
		if err := c.Do(ctx, args...).Err(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		o := *c.Options()
		o.Username, o.Password = name, "pw"
		users[name] = redis.NewClient(&o)
		defer users[name].Close()
	}
	if len(users) != 3 {
		t.Fatalf("the README has %d ACL lines, want 3", len(users))
	}

	hour := fmt.Sprintf("{pr:press}:h:%d", trend.HourOf(noon))
	writer := users["user0"]
	if err := writer.ZIncrBy(ctx, hour, 1, "a").Err(); err != nil {
		t.Errorf("a direct writer: %v", err)
	}
	if err := writer.Expire(ctx, hour, 302400*time.Second).Err(); err != nil {
		t.Errorf("a direct writer: %v", err)
	}
	if writer.ZRange(ctx, hour, 0, -1).Err() == nil || writer.ZIncrBy(ctx, "other", 1, "a").Err() == nil {
		t.Error("a direct writer may do more than it says")
	}

	counters := trend.NewRedis(users["user1"], "press", at(noon))
	if n, err := counters.Add(ctx, []trend.View{{Key: "a", Visitor: "v", At: noon}}); err != nil || n != 1 {
		t.Errorf("pressrun's own user: Add: %d, %v", n, err)
	}
	if got, err := counters.Hours(ctx, noon.Add(-time.Hour), noon.Add(time.Hour), 10); err != nil || sum(got["a"]) != 2 {
		t.Errorf("pressrun's own user: Hours: %v, %v", got, err)
	}
	if _, err := counters.Salt(ctx, 1); err != nil {
		t.Errorf("pressrun's own user: %v", err)
	}
	r := &trend.Ranker{Counters: trend.NewRedis(users["user1"], "press", at(noon.Add(75*time.Hour))), DB: schematest.SQLite(t), Now: at(noon.Add(75 * time.Hour))}
	if err := r.Sample(ctx); err != nil {
		t.Errorf("pressrun's own user: %v", err)
	}

	c.Set(ctx, "views:1", 1, 0)
	p, _ := poller(users["user2"], trend.Layout{Kind: "counter", Key: "views:{id}"})
	if _, err := p.Poll(ctx); err != nil {
		t.Errorf("the user of a layout: %v", err)
	}
	if users["user2"].Set(ctx, "views:1", 2, 0).Err() == nil {
		t.Error("the user of a layout may write")
	}
}

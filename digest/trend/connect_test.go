package trend_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"pressrun/digest/trend"
)

func TestConnectAddresses(t *testing.T) {
	for _, c := range []struct{ address, name, wrong string }{
		{"redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0", ""},
		{"redis://localhost", "redis://localhost:6379", ""},
		{"redis://[::1]/3", "redis://[::1]:6379/3", ""},
		{"rediss://me:hunter2@redis.example:6380/1", "rediss://redis.example:6380/1", ""},
		{"redis-sentinel://:hunter2@10.0.0.1:26379,10.0.0.2/0?master=mymaster", "redis-sentinel://10.0.0.1:26379,10.0.0.2:26379/0 (master mymaster)", ""},
		{"redis-cluster://10.0.0.1:7000,10.0.0.2", "redis-cluster://10.0.0.1:7000,10.0.0.2:6379", ""},
		{"redis-sentinel://10.0.0.1/0", "", "say which master"},
		{"redis-cluster://10.0.0.1/2", "", "database 0 alone"},
		{"redis://10.0.0.1,10.0.0.2", "", "several servers"},
		{"redis://10.0.0.1/x", "", "no number of a database"},
		{"redis://10.0.0.1/0?master=m", "", "unknown option"},
		{"http://10.0.0.1", "", "cannot be read"},
		{"redis://a:hunter2@10.0.0.1:port", "", "cannot be read"},
		{"", "", "cannot be read"},
	} {
		err := trend.CheckAddress(c.address)
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.address, err)
		case c.wrong == "" && trend.RedisName(c.address) != c.name:
			t.Errorf("%s: named %s, want %s", c.address, trend.RedisName(c.address), c.name)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: got %v, want %s", c.address, err, c.wrong)
		}
		if err != nil && strings.Contains(err.Error()+trend.RedisName(c.address), "hunter2") {
			t.Errorf("%s: the message shows the password", c.address)
		}
	}
}

// TestFaultSentinelFailover kills the master under counters that found it
// through a Sentinel, and counts on at its successor.
func TestFaultSentinelFailover(t *testing.T) {
	ctx := t.Context()
	master := startServer(t)
	_, port, _ := net.SplitHostPort(master.addr)
	replica := startServer(t, "--replicaof", "127.0.0.1 "+port, "--repl-diskless-sync-delay", "0")
	r := redis.NewClient(&redis.Options{Addr: replica.addr})
	defer r.Close()
	eventually(t, func() bool { return strings.Contains(r.Info(ctx, "replication").Val(), "master_link_status:up") })
	dir, sentinelPort := t.TempDir(), freePort(t)
	conf := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor press 127.0.0.1 %s 1\nsentinel down-after-milliseconds press 1000\nsentinel failover-timeout press 5000\n", sentinelPort, dir, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := keep(t, net.JoinHostPort("127.0.0.1", sentinelPort), conf, "--sentinel")
	s := redis.NewSentinelClient(&redis.Options{Addr: sentinel.addr})
	defer s.Close()
	eventually(t, func() bool { list, err := s.Replicas(ctx, "press").Result(); return err == nil && len(list) == 1 })

	c, err := trend.Connect("redis-sentinel://" + sentinel.addr + "/0?master=press")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	counters := trend.NewRedis(c, "site", at(noon))
	first := []trend.View{{Key: "a", Visitor: "v", At: noon}}
	if n, err := counters.Add(ctx, first); n != 1 || err != nil {
		t.Fatalf("before: got %d, %v; want 1", n, err)
	}
	eventually(t, func() bool { return r.DBSize(ctx).Val() > 0 })
	if err := syscall.Kill(master.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		_, err := counters.Add(ctx, append(first, trend.View{Key: "a", Visitor: "w", At: noon}))
		if err == nil {
			break
		}
		if time.Since(begun) > 2*time.Minute {
			t.Fatalf("the successor does not count: %v", err)
		}
	}
	got, err := counters.Of(ctx, []string{"a"}, noon.Add(-time.Hour), noon.Add(time.Hour))
	if err != nil || sum(got["a"]) != 2 {
		t.Errorf("after: got %v, %v; want both readers, once", got, err)
	}
}

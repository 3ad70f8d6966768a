package schematest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// keeper runs a server and ends it when its standard input closes, which
// happens when this process is gone, by whatever way; then it tidies up.
const keeper = `trap : INT; dir=$1; shift
"$@" >"$dir/log" 2>&1 & pid=$!
while read -r line; do :; done
kill -INT $pid 2>/dev/null; wait $pid; rm -rf "$dir"`

// startPostgres starts a server once a process.
var startPostgres = sync.OnceValues(func() (string, error) {
	bin, err := postgresBin()
	if err != nil {
		return "", err
	}
	dir, cred, err := serverDir("pressrun-postgres-")
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "press", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr = cred
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	err = keep(dir, cred, filepath.Join(bin, "postgres"), "-D", data, "-p", port, "-k", dir, "-h", "127.0.0.1",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=400")
	if err != nil {
		return "", err
	}
	return "postgres://press@127.0.0.1:" + port + "/postgres?sslmode=disable", waitFor(dir, port)
})

var startRedis = sync.OnceValues(func() (string, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return "", err
	}
	dir, cred, err := serverDir("pressrun-redis-")
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	if err := keep(dir, cred, bin, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir); err != nil {
		return "", err
	}
	return "redis://127.0.0.1:" + port + "/0", waitFor(dir, port)
})

// postgresBin finds the directory of initdb and postgres, which Debian keeps
// off the PATH.
func postgresBin() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if _, err := os.Stat(filepath.Join(dirs[i], "initdb")); err == nil {
			return dirs[i], nil
		}
	}
	return "", fmt.Errorf("initdb not found; install the package postgresql")
}

// serverDir makes a directory for a server, owned by an unprivileged user when
// we are root, because PostgreSQL refuses to run as root.
func serverDir(prefix string) (string, *syscall.SysProcAttr, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", nil, err
	}
	if os.Getuid() != 0 {
		return dir, nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return "", nil, err
		}
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return dir, attr, os.Chown(dir, uid, gid)
}

// held keeps the pipes open: a collected file would be closed, and the server with it.
var held []io.Closer

func keep(dir string, attr *syscall.SysProcAttr, command ...string) error {
	cmd := exec.Command("/bin/sh", append([]string{"-c", keeper, "keeper", dir}, command...)...)
	cmd.SysProcAttr = attr
	cmd.Dir = "/"
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	held = append(held, in)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func waitFor(dir, port string) error {
	for range 300 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	return fmt.Errorf("server on port %s did not start: %s", port, log)
}

// Postgres starts one PostgreSQL server for all the test processes of ./test and
// prints the variables that lead them to it. It ends when its standard input does.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"pressrun/deploy/schema/schematest"
)

func main() {
	env, err := schematest.Share()
	if err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL for tests:", err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(env, " "))
	io.Copy(io.Discard, os.Stdin)
}

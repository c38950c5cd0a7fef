// Command plimsoll-registry is a real OCI registry for tests: go-containerregistry's, in memory or on disk, with or
// without the referrers API. It listens on the loopback address that it is given and prints the address once it does.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	referrers := flag.Bool("referrers", true, "serve the referrers API")
	flag.Parse()

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed to listen:", err)
		os.Exit(1)
	}
	// Ends with its starter: standard input is a pipe that closes when the test's process is gone.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(listener.Addr())
	server := &http.Server{
		Handler: registry.New(
			registry.WithReferrersSupport(*referrers),
			registry.Logger(log.New(io.Discard, "", 0)),
		),
		ReadHeaderTimeout: 10 * time.Second,
	}
	fmt.Fprintln(os.Stderr, server.Serve(listener))
	os.Exit(1)
}

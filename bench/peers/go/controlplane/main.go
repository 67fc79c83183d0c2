// go-control-plane as people build on it: a server over its caches, fed by JSON lines on stdin. `-cache linear` keeps
// clusters and endpoints in a LinearCache each; `-cache snapshot` sets a new snapshot after every change.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	server "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
)

type command struct {
	Cmd                 string
	Services, Instances int
	Service             int
	Weight              uint32
	TimeoutMs           int
	Rate, Seconds       int
	SinceNs             int64
}

// Where changes go: one of the two caches.
type store interface {
	cache() serverCache
	// Called after `clusters` and `endpoints` were changed for these services.
	changed(clusters, endpoints []int)
}

func main() {
	kind := flag.String("cache", "linear", "linear or snapshot")
	flag.Parse()
	f := &fleet{}
	var s store
	if *kind == "snapshot" {
		s = newSnapshots(f)
	} else {
		s = newLinear(f)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	g := grpc.NewServer(grpc.MaxConcurrentStreams(1000000))
	discovery.RegisterAggregatedDiscoveryServiceServer(g, server.NewServer(context.Background(), s.cache(), nil))
	go func() { check(g.Serve(listener)) }()
	say(map[string]any{"type": "ready", "port": listener.Addr().(*net.TCPAddr).Port})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var c command
		check(json.Unmarshal(line, &c))
		run(c, f, s)
	}
}

func run(c command, f *fleet, s store) {
	started := time.Now()
	switch c.Cmd {
	case "load":
		all := f.load(c.Services, c.Instances)
		s.changed(all, all)
	case "flip":
		f.setWeight(c.Service, c.Weight)
		s.changed(nil, []int{c.Service})
	case "cluster":
		f.setTimeout(c.Service, c.TimeoutMs)
		s.changed([]int{c.Service}, nil)
	case "steady":
		go steady(c, f, s)
	}
	say(map[string]any{"type": "done", "cmd": c.Cmd, "ms": float64(time.Since(started).Microseconds()) / 1000})
}

// Rate changes a second, one service after the other; each weight says when it was set, in 0.1 ms.
func steady(c command, f *fleet, s store) {
	total := c.Rate * c.Seconds
	started := monotonic()
	for done := 0; done < total; {
		time.Sleep(time.Millisecond)
		due := min(total, int((monotonic()-started)*int64(c.Rate)/1e9))
		var services []int
		for ; done < due; done++ {
			service := done % len(f.weights)
			f.setWeight(service, uint32((monotonic()-c.SinceNs)/1e5))
			services = append(services, service)
		}
		if len(services) > 0 {
			s.changed(nil, services)
		}
	}
	say(map[string]any{"type": "steadied", "weights": f.weights})
}

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

func say(message map[string]any) {
	bytes, err := json.Marshal(message)
	check(err)
	fmt.Println(string(bytes))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// All clients are one kind of proxy, so one snapshot serves them all.
type oneNode struct{}

func (oneNode) ID(*corev3.Node) string { return "all" }

// The load generator: many proxies in one process, told what to do by JSON lines on stdin, answering on stdout.
// It acknowledges everything at once, keeps what every client holds, and reports when and at what cost.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

type command struct {
	Cmd     string
	Address string
	// One base64 node for each client.
	Nodes []string
	// Ask for the endpoints of every cluster.
	Follow bool
	Resume bool
	// "eds" or "cds", and what a response must carry to count.
	Kind    string
	Service int
	Value   uint64
	// Staleness: weights are multiples of 0.1 ms since then, CLOCK_MONOTONIC.
	SinceNs int64
}

var (
	clients []*client
	follow  bool
	retries int
	closing bool
	// When the last client was told to stop reading.
	stalledNs int64
	busy      meter
	out       = bufio.NewWriter(os.Stdout)
)

func main() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	say(map[string]any{"type": "ready"})
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var c command
		if err := json.Unmarshal(line, &c); err != nil {
			fail(err.Error())
		}
		run(c)
	}
}

func run(c command) {
	mu.Lock()
	defer mu.Unlock()
	switch c.Cmd {
	case "open":
		open(c)
	case "expect":
		current = &round{kind: c.Kind, service: c.Service, value: c.Value, acked: map[int]int64{}}
		busy.start()
		say(map[string]any{"type": "expecting"})
	case "watch":
		watching = &staleness{sinceNs: c.SinceNs}
		busy.start()
		say(map[string]any{"type": "watching"})
	case "report":
		say(watching.report())
		watching = nil
	case "stall":
		stalledNs = monotonic()
		clients[len(clients)-1].stalled.Store(true)
		say(map[string]any{"type": "stalling"})
	case "state":
		say(state())
	case "close":
		closing = true
		for _, one := range clients {
			_ = one.conn.Close()
		}
		say(map[string]any{"type": "closed"})
	default:
		fail("unknown command " + c.Cmd)
	}
}

func open(c command) {
	follow, closing, retries = c.Follow, false, 0
	if !c.Resume {
		clients = nil
		for i, node := range c.Nodes {
			bytes, err := base64.StdEncoding.DecodeString(node)
			if err != nil {
				fail(err.Error())
			}
			clients = append(clients, newClient(i, bytes))
		}
	}
	opening = &opened{startNs: monotonic()}
	busy.start()
	for _, one := range clients {
		go live(one, c.Address, c.Resume)
	}
}

// One stream after the other until the run ends: a server may refuse (istiod does under load), and Envoy comes again
// after 500 ms and more, with jitter.
func live(c *client, address string, resume bool) {
	first := monotonic()
	for {
		err := c.start(address, resume)
		c.startNs = first
		if err == nil {
			err = c.read()
		}
		mu.Lock()
		if errors.Is(err, errDropped) {
			say(map[string]any{"type": "dropped", "ms": float64(monotonic()-stalledNs) / 1e6})
			mu.Unlock()
			return
		}
		over := closing
		if !over && c.settled {
			fail(fmt.Sprintf("client %d: %v", c.index, err))
		}
		retries++
		if retries > 100*len(clients) {
			fail(fmt.Sprintf("client %d: refused again and again: %v", c.index, err))
		}
		mu.Unlock()
		if over {
			return
		}
		_ = c.conn.Close()
		time.Sleep(time.Duration(500+rand.Intn(500)) * time.Millisecond)
	}
}

func say(message map[string]any) {
	bytes, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	_, _ = out.Write(append(bytes, '\n'))
	_ = out.Flush()
}

func fail(reason string) {
	say(map[string]any{"type": "failed", "reason": reason})
	os.Exit(1)
}

// CPU of this process and wall time since `start`: its share of the one core it has.
type meter struct {
	cpu, wall int64
}

func used() int64 {
	var usage unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func (m *meter) start()         { m.cpu, m.wall = used(), monotonic() }
func (m *meter) share() float64 { return float64(used()-m.cpu) / float64(max(1, monotonic()-m.wall)) }

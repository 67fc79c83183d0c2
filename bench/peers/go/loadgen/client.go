package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"
)

const (
	adsPath   = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
	maxWindow = 1<<31 - 1
	// Both windows are topped up after so many bytes: flow control never limits a server.
	topUp = 1 << 28
)

// One proxy: a connection of its own with one delta ADS stream, as Envoy has it.
type client struct {
	index int
	node  []byte
	conn  net.Conn
	fr    *http2.Framer
	// What it holds, by type.
	held     map[string]*holdings
	asked    nameSet
	message  []byte
	consumed uint32
	startNs  int64
	seen     map[string]bool
	// Names asked for and not had yet.
	missing int
	settled bool
	// Set: it stops reading for good.
	stalled atomic.Bool
	resp    response
	out     sender
}

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

func newClient(index int, node []byte) *client {
	return &client{index: index, node: node, held: map[string]*holdings{clusterType: {}, endpointType: {}}}
}

// Connects and asks for all clusters; with `resume`, says what it holds of both types, as Envoy does.
func (c *client) start(address string, resume bool) error {
	c.startNs = monotonic()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	c.conn, c.message, c.consumed = conn, nil, 0
	c.asked, c.seen, c.settled = nil, map[string]bool{}, false
	c.fr = http2.NewFramer(conn, bufio.NewReaderSize(conn, 16<<10))
	c.fr.SetReuseFrames()
	c.fr.SetMaxReadFrameSize(1<<24 - 1)
	c.missing = 0
	c.out = sender{conn: conn, connection: defaultWindow, stream: defaultWindow, initial: defaultWindow}
	var out bytes.Buffer
	out.WriteString(http2.ClientPreface)
	w := http2.NewFramer(&out, nil)
	_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
	_ = w.WriteWindowUpdate(0, maxWindow-65535)
	_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: requestHeaders(address), EndHeaders: true})
	if _, err := conn.Write(out.Bytes()); err != nil {
		return err
	}
	// No names in the first request of the type: all clusters. Envoy asks so, and Consul does not know the explicit `*`.
	first := request{node: c.node, typeURL: clusterType}
	if !resume {
		c.out.send(first.encode())
		return nil
	}
	// Many come back in the same moment, each in a goroutine of its own.
	mu.Lock()
	first.initial = c.held[clusterType].versions()
	messages := [][]byte{first.encode()}
	initial := c.held[endpointType].versions()
	names := make([]string, 0, len(initial))
	for name := range initial {
		names = append(names, name)
		c.asked.add(number([]byte(name)))
	}
	mu.Unlock()
	if len(names) > 0 {
		messages = append(messages, request{typeURL: endpointType, subscribe: names, initial: initial}.encode())
	}
	c.out.send(messages...)
	return nil
}

func requestHeaders(address string) []byte {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, pair := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", adsPath}, {":authority", address},
		{"content-type", "application/grpc"}, {"te", "trailers"}} {
		_ = e.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]})
	}
	return block.Bytes()
}

// Reads until the stream ends; says why it did.
func (c *client) read() error {
	for {
		if c.stalled.Load() {
			return c.untilDropped()
		}
		frame, err := c.fr.ReadFrame()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			c.data(f.Data())
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if window, ok := f.Value(http2.SettingInitialWindowSize); ok {
					c.out.resize(int(window))
				}
				_ = c.fr.WriteSettingsAck()
			}
		case *http2.WindowUpdateFrame:
			c.out.grow(f.StreamID, int(f.Increment))
		case *http2.PingFrame:
			if !f.IsAck() {
				_ = c.fr.WritePing(true, f.Data)
			}
		case *http2.GoAwayFrame:
			return fmt.Errorf("GOAWAY %v %s", f.ErrCode, f.DebugData())
		case *http2.RSTStreamFrame:
			return fmt.Errorf("RST_STREAM %v", f.ErrCode)
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				return fmt.Errorf("ended: %s", trailers(f.HeaderBlockFragment()))
			}
		}
	}
}

var errDropped = errors.New("the server has closed the connection")

// Looks at the connection without reading from it, until the server has closed it.
func (c *client) untilDropped() error {
	raw, err := c.conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	for {
		time.Sleep(50 * time.Millisecond)
		state, failed := uint8(0), error(nil)
		err := raw.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			if failed = err; err == nil {
				state = info.State
			}
		})
		if err != nil || failed != nil {
			return fmt.Errorf("%v %v", err, failed)
		}
		// TCP_ESTABLISHED of linux/tcp_states.h.
		if state != 1 {
			return errDropped
		}
	}
}

func trailers(block []byte) string {
	text := ""
	_, _ = hpack.NewDecoder(4096, func(f hpack.HeaderField) { text += f.Name + "=" + f.Value + " " }).Write(block)
	return text
}

func (c *client) data(b []byte) {
	c.consumed += uint32(len(b))
	if c.consumed > topUp {
		_ = c.fr.WriteWindowUpdate(0, c.consumed)
		_ = c.fr.WriteWindowUpdate(1, c.consumed)
		c.consumed = 0
	}
	for len(b) > 0 {
		wanted := c.wanted()
		c.message = room(c.message, wanted)
		part := min(len(b), wanted-len(c.message))
		c.message, b = append(c.message, b[:part]...), b[part:]
		if size := len(c.message); size >= prefixSize && size == c.wanted() {
			c.take(c.message[prefixSize:], size)
			c.message = kept(c.message)
		}
	}
}

// Size of the message that comes, or of what says it.
func (c *client) wanted() int {
	if len(c.message) < prefixSize {
		return prefixSize
	}
	return prefixSize + int(binary.BigEndian.Uint32(c.message[1:]))
}

// Of gRPC: a flag and the length.
const prefixSize = 5

// Large messages come to a thousand clients at once: their memory is used again, and none grows by steps.
var spare [][]byte

func room(message []byte, wanted int) []byte {
	if cap(message) >= wanted {
		return message
	}
	mu.Lock()
	defer mu.Unlock()
	for at, one := range spare {
		if cap(one) >= wanted {
			spare[at] = spare[len(spare)-1]
			spare = spare[:len(spare)-1]
			return append(one[:0], message...)
		}
	}
	return append(make([]byte, 0, wanted), message...)
}

// For the client's next message; a large one goes to whoever needs it next.
func kept(message []byte) []byte {
	if cap(message) < 1<<16 {
		return message[:0]
	}
	mu.Lock()
	defer mu.Unlock()
	spare = append(spare, message)
	return nil
}

func (c *client) take(message []byte, size int) {
	mu.Lock()
	parseResponse(message, &c.resp)
	news := c.apply(&c.resp)
	mu.Unlock()
	ack := request{typeURL: c.resp.typeURL, nonce: c.resp.nonce}.encode()
	if len(news) > 0 {
		c.out.send(ack, request{typeURL: endpointType, subscribe: news}.encode())
	} else {
		c.out.send(ack)
	}
	mu.Lock()
	acknowledged(c, &c.resp, size, monotonic())
	mu.Unlock()
}

// Takes the response into what the client holds; returns the endpoints that have to be asked for now.
func (c *client) apply(r *response) []string {
	of := c.held[r.typeURL]
	if of == nil {
		return nil
	}
	c.seen[r.typeURL] = true
	var news []string
	for _, one := range r.resources {
		if !one.present {
			continue
		}
		content := contentOf(r.typeURL, one.name, one.body)
		name := number(one.name)
		if of.get(name) == nil && c.asked.has(name) && r.typeURL == endpointType {
			c.missing--
		}
		of.set(name, content.item(one.version))
		if follow && content.edsName != "" && !c.asked.has(content.edsNumber) {
			c.asked.add(content.edsNumber)
			c.missing++
			news = append(news, content.edsName)
		}
	}
	for _, name := range r.removed {
		of.drop(number(name))
	}
	return news
}

// Everything asked for has come.
func (c *client) complete() bool { return c.seen[clusterType] && c.missing == 0 }

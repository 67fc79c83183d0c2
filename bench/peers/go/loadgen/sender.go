package main

import (
	"bytes"
	"encoding/binary"
	"net"

	"golang.org/x/net/http2"
)

const (
	defaultWindow = 65535
	frameBytes    = 16 << 10
)

// What is to be written to the stream, within the server's flow control. One write call for all that fits.
type sender struct {
	conn                        net.Conn
	connection, stream, initial int
	queue                       []byte
}

func (s *sender) send(messages ...[]byte) {
	for _, message := range messages {
		s.queue = append(s.queue, 0)
		s.queue = binary.BigEndian.AppendUint32(s.queue, uint32(len(message)))
		s.queue = append(s.queue, message...)
	}
	s.flush()
}

func (s *sender) resize(initial int) {
	s.stream += initial - s.initial
	s.initial = initial
	s.flush()
}

func (s *sender) grow(stream uint32, by int) {
	if stream == 0 {
		s.connection += by
	} else {
		s.stream += by
	}
	s.flush()
}

func (s *sender) flush() {
	if len(s.queue) == 0 {
		return
	}
	var out bytes.Buffer
	w := http2.NewFramer(&out, nil)
	for {
		n := min(len(s.queue), frameBytes, s.connection, s.stream)
		if n <= 0 {
			break
		}
		_ = w.WriteData(1, false, s.queue[:n])
		s.queue = s.queue[n:]
		s.connection -= n
		s.stream -= n
	}
	if len(s.queue) == 0 {
		s.queue = nil
	}
	if out.Len() > 0 {
		// A broken connection is noticed by the reader.
		_, _ = s.conn.Write(out.Bytes())
	}
}

package main

import "encoding/binary"

// Protobuf's wire format, as much of it as xDS responses need.

func uvarint(b []byte, at int) (uint64, int) {
	value, n := binary.Uvarint(b[at:])
	if n <= 0 {
		panic("truncated varint")
	}
	return value, at + n
}

// fields calls visit for every field of an encoded message: body for wire type 2, value for 0, 1 and 5.
func fields(b []byte, visit func(number int, value uint64, body []byte)) {
	for at := 0; at < len(b); {
		tag, next := uvarint(b, at)
		number := int(tag >> 3)
		switch tag & 7 {
		case 0:
			value, end := uvarint(b, next)
			visit(number, value, nil)
			at = end
		case 1:
			visit(number, binary.LittleEndian.Uint64(b[next:]), nil)
			at = next + 8
		case 2:
			length, start := uvarint(b, next)
			at = start + int(length)
			visit(number, 0, b[start:at])
		case 5:
			visit(number, uint64(binary.LittleEndian.Uint32(b[next:])), nil)
			at = next + 4
		default:
			panic("unknown wire type")
		}
	}
}

func appendBytes(to []byte, number int, body []byte) []byte {
	to = binary.AppendUvarint(to, uint64(number<<3|2))
	to = binary.AppendUvarint(to, uint64(len(body)))
	return append(to, body...)
}

func appendText(to []byte, number int, text string) []byte {
	return appendBytes(to, number, []byte(text))
}

// A DeltaDiscoveryRequest (field numbers of discovery.proto).
type request struct {
	node      []byte
	typeURL   string
	subscribe []string
	initial   map[string]string
	nonce     string
}

func (r request) encode() []byte {
	var b []byte
	if r.node != nil {
		b = appendBytes(b, 1, r.node)
	}
	b = appendText(b, 2, r.typeURL)
	for _, name := range r.subscribe {
		b = appendText(b, 3, name)
	}
	for name, version := range r.initial {
		b = appendBytes(b, 5, appendText(appendText(nil, 1, name), 2, version))
	}
	if r.nonce != "" {
		b = appendText(b, 6, r.nonce)
	}
	return b
}

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

type resource struct {
	name, version []byte
	body          []byte
	present       bool
}

type response struct {
	typeURL, nonce string
	resources      []resource
	removed        [][]byte
}

func parseResponse(b []byte, into *response) {
	into.resources = into.resources[:0]
	into.removed = into.removed[:0]
	fields(b, func(number int, _ uint64, body []byte) {
		switch number {
		case 2:
			into.resources = append(into.resources, parseResource(body))
		case 4:
			into.typeURL = string(body)
		case 5:
			into.nonce = string(body)
		case 6:
			into.removed = append(into.removed, body)
		}
	})
}

func parseResource(b []byte) (r resource) {
	fields(b, func(number int, _ uint64, body []byte) {
		switch number {
		case 1:
			r.version = body
		case 2:
			r.present = true
			fields(body, func(number int, _ uint64, value []byte) {
				if number == 2 {
					r.body = value
				}
			})
		case 3:
			r.name = body
		}
	})
	return r
}

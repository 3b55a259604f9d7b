// Porcupine on the history of the benchmark `scale`, by one of two models:
//
//   - `register`: every id is a register of its own, which an order sets and each stage reads at the end. Linearizable
//     exactly if no stage lacks an id that was acknowledged.
//   - `queue`: every partition of a log is a queue, into which an order puts its id and from which the reader of the log
//     takes the ids in their order. Linearizable exactly if nothing acknowledged is lost, nothing comes twice, and what
//     was acknowledged before another was sent comes before it.
//
// Reads records of 33 bytes from the standard input (kind: 0 set or put, 1 read or taken; key, id, call and return as
// big-endian numbers), and prints the records, the seconds that the check took, and the peak of its memory in bytes.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type request struct {
	key, id uint64
	read    bool
}

// Histories of different keys have nothing to do with each other.
func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	byKey := map[uint64][]porcupine.Operation{}
	for _, operation := range history {
		key := operation.Input.(request).key
		byKey[key] = append(byKey[key], operation)
	}
	parts := make([][]porcupine.Operation, 0, len(byKey))
	for _, part := range byKey {
		parts = append(parts, part)
	}
	return parts
}

// A register that is set or not.
var register = porcupine.Model{
	Partition: byKey,
	Init:      func() interface{} { return false },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		if input.(request).read {
			return state.(bool), state
		}
		return true, true
	},
}

type node struct {
	id   uint64
	next *node
}

// A queue that never changes: what is taken first, in order, and what was put last, the last first.
type fifo struct{ front, back *node }

func (queue fifo) put(id uint64) fifo { return fifo{queue.front, &node{id, queue.back}} }

func (queue fifo) take() (*node, fifo) {
	if queue.front == nil {
		for ; queue.back != nil; queue.back = queue.back.next {
			queue.front = &node{queue.back.id, queue.front}
		}
	}
	if queue.front == nil {
		return nil, queue
	}
	return queue.front, fifo{queue.front.next, queue.back}
}

// A queue, first in, first out.
var queue = porcupine.Model{
	Partition: byKey,
	Init:      func() interface{} { return fifo{} },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		request := input.(request)
		if !request.read {
			return true, state.(fifo).put(request.id)
		}
		first, rest := state.(fifo).take()
		return first != nil && first.id == request.id, rest
	},
}

func peakBytes() uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		var kib uint64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib * 1024
		}
	}
	return 0
}

func main() {
	model, known := map[string]porcupine.Model{"register": register, "queue": queue}[strings.Join(os.Args[1:], " ")]
	if !known {
		fmt.Fprintln(os.Stderr, "usage: porcupine register|queue < records")
		os.Exit(2)
	}
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	var history []porcupine.Operation
	var record [33]byte
	for {
		if _, err := io.ReadFull(input, record[:]); err != nil {
			break
		}
		number := func(nth int) uint64 { return binary.BigEndian.Uint64(record[1+8*nth : 9+8*nth]) }
		history = append(history, porcupine.Operation{
			Input:  request{number(0), number(1), record[0] == 1},
			Call:   int64(number(2)),
			Return: int64(number(3)),
		})
	}
	start := time.Now()
	if !porcupine.CheckOperations(model, history) {
		fmt.Fprintln(os.Stderr, "the history is not linearizable")
		os.Exit(1)
	}
	fmt.Println(len(history), time.Since(start).Seconds(), peakBytes())
}

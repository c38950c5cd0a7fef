// Command plimsoll-guard ends a control plane when the process that started it is gone, however it went.
//
// It is told what to do by lines on its standard input, which only the starting process holds open:
//
//	watch PID     end this process too when the input ends
//	forget PID    this process has been ended already
//	keep          leave the folder where it is, somebody will want to read it
//
// Each line is answered by one line, "ok" or "error: ..." . The end of the input means that the starting process has
// closed it or died: each watched process is then continued (it may be paused), asked to end, and killed after a
// grace period; at last the folder given by -remove is removed.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	folder := flag.String("remove", "", "folder to remove at the end")
	grace := flag.Duration("grace", 3*time.Second, "time between asking a process to end and killing it")
	flag.Parse()
	// A Ctrl-C goes to the whole foreground group. The guard must outlive the others to do its work.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	watched := map[int]*os.Process{}
	keep := false
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if err := obey(word, rest, watched, &keep); err != nil {
			fmt.Println("error:", err)
		} else {
			fmt.Println("ok")
		}
	}
	end(watched, *grace)
	if *folder != "" && !keep {
		if err := os.RemoveAll(*folder); err != nil {
			fmt.Fprintln(os.Stderr, "plimsoll-guard: failed to remove the folder:", err)
			os.Exit(1)
		}
	}
}

func obey(word, rest string, watched map[int]*os.Process, keep *bool) error {
	switch word {
	case "keep":
		*keep = true
		return nil
	case "watch", "forget":
		pid, err := strconv.Atoi(rest)
		if err != nil {
			return err
		}
		if word == "forget" {
			if process, known := watched[pid]; known {
				delete(watched, pid)
				return process.Release()
			}
			return nil
		}
		// FindProcess opens a pidfd: a number that the kernel gives to another process later is never hit.
		process, err := os.FindProcess(pid)
		if err != nil {
			return err
		}
		watched[pid] = process
		return nil
	}
	return fmt.Errorf("unknown word %q", word)
}

func end(watched map[int]*os.Process, grace time.Duration) {
	alive := func() bool {
		for _, process := range watched {
			if process.Signal(syscall.Signal(0)) == nil {
				return true
			}
		}
		return false
	}
	for _, process := range watched {
		// Errors mean that the process has ended already.
		_ = process.Signal(syscall.SIGCONT)
		_ = process.Signal(syscall.SIGTERM)
	}
	for deadline := time.Now().Add(grace); alive() && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	for _, process := range watched {
		_ = process.Signal(syscall.SIGKILL)
	}
	// Files must not be written any more when the folder goes.
	for deadline := time.Now().Add(grace); alive() && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

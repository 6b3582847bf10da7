// The command line that all Node peers share, so that all are timed alike; protocol.py is the same for Python.

import { openSync, statSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

export const DATABASE_URL = process.env.DATABASE_URL
export const REDIS_URL = process.env.REDIS_URL
export const QUEUE = 'bench'
export const RESULT = { ok: true, count: 1 }
// Every call of a job's function adds the time of its start to this file, 8 bytes each.
const STARTS = process.env.BENCH_STARTS
const JOB_BYTES = 300
const WARM = 20
const starts = openSync(STARTS, 'a')
const time = Buffer.alloc(8)

// Seconds since the epoch; Date.now() knows whole milliseconds only.
const now = () => (performance.timeOrigin + performance.now()) / 1000

// Called first by every job's function.
export function tellStarted () {
  time.writeDoubleLE(now())
  writeSync(starts, time)
}

// Redis as an object of options, which is what both clients and BullMQ take.
export function redisOptions () {
  const url = new URL(REDIS_URL)
  const db = Number(url.pathname.slice(1))
  return { host: url.hostname, port: Number(url.port), password: decodeURIComponent(url.password), db }
}

// 300 bytes of JSON.
function jobData (n) {
  return { n, pad: 'x'.repeat(JOB_BYTES - '{"n":,"pad":""}'.length - String(n).length) }
}

async function publish (peer, jobs, way) {
  const data = Array.from({ length: jobs }, (_, n) => jobData(n))
  let start = performance.now()
  if (way === 'bulk') {
    await peer.publishBulk(data)
  } else {
    for (const one of data.slice(0, WARM)) await peer.publish(one)
    start = performance.now()
    for (const one of data.slice(WARM)) await peer.publish(one)
    jobs -= WARM
  }
  say({ jobs, seconds: (performance.now() - start) / 1000 })
}

// One job at a time, the next when that has started.
async function latency (peer, samples) {
  let started = statSync(STARTS).size
  const published = []
  for (let n = 0; n < WARM + samples; n++) {
    published.push(now())
    await peer.publish(jobData(n))
    started += 8
    // Seldom enough not to disturb. Uneven, so that it does not fall in step with a peer that polls.
    while (statSync(STARTS).size < started) await sleep(5)
    await sleep(5 + Math.random() * 10)
  }
  say({ published: published.slice(WARM) })
}

function say (answer) {
  process.stdout.write(JSON.stringify(answer) + '\n')
}

// Do what the command line says.
export async function run (peer) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: Object.fromEntries(['jobs', 'way', 'concurrency', 'samples'].map((name) => [name, { type: 'string' }]))
  })
  switch (positionals[0]) {
    case 'prepare':
      await peer.prepare()
      break
    case 'publish':
      await publish(peer, Number(values.jobs), values.way)
      break
    case 'latency':
      await latency(peer, Number(values.samples))
      break
    case 'work':
      await peer.work(Number(values.concurrency))
      return
  }
  process.exit(0)
}

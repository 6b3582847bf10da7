-- Counts a queue's jobs.
--   KEYS[1]  the queue's key prefix
--   ARGV     BullMQ's states
-- Returns { the number of jobs in each state, 1 if the queue is paused,
--           { {id, timestamp}, ... } of the next job without a priority and the next with one,
--           the server's time in Unix milliseconds }.
-- use: getCounts-1

local prefix = KEYS[1]
local next_jobs = {}

local function add_next(id)
    -- Older clients keep a marker in the list, which is not a job.
    if id and string.sub(id, 1, 2) ~= "0:" then
        next_jobs[#next_jobs + 1] = { id, redis.call("HGET", prefix .. id, "timestamp") }
    end
end

local time = redis.call("TIME")
local counts = getCounts(KEYS, ARGV)
add_next(redis.call("LINDEX", prefix .. "wait", -1))
add_next(redis.call("ZRANGE", prefix .. "prioritized", 0, 0)[1])
return { counts, redis.call("HEXISTS", prefix .. "meta", "paused"), next_jobs,
    time[1] * 1000 + math.floor(time[2] / 1000) }

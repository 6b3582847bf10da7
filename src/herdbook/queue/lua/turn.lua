-- One turn of a worker at one queue: acknowledges ended jobs and fetches new ones.
--   KEYS[1]  the queue's key prefix
--   ARGV[1]  now, in Unix milliseconds
--   ARGV[2]  fetch options, packed: {token, lockDuration, name}
--   ARGV[3]  how many jobs to fetch
--   ARGV[4]  acknowledgements, packed: { {way, job id, arguments...}, ... }
-- Answers { an error text or false for each acknowledgement, fetched jobs {fields, id},
--           milliseconds of rate limit left, time of the next delayed job }.
-- use: moveToFinished-14
-- use: moveToDelayed-11
-- use: retryJob-11
-- use: moveJobFromActiveToWait-9
-- use: moveToActive-11

local prefix, now, options, room = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local fetched, limited, next_at = {}, 0, 0

local function keys(...)
    local names = { ... }
    for i, name in ipairs(names) do
        names[i] = prefix .. name
    end
    return names
end

-- Takes a fetch's answer: a job, or why there is none, and then none is asked for any more.
local function fetch(answer)
    if type(answer[1]) == "table" then
        fetched[#fetched + 1] = { answer[1], answer[2] }
        room = room - 1
    else
        limited, next_at, room = answer[3], answer[4], 0
    end
end

-- How a job leaves the active list; each takes the acknowledgement's own arguments.
local ways = {}

local finish_keys = {}
for _, target in ipairs({ "completed", "failed" }) do
    finish_keys[target] = keys("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused",
        "meta", "pc", target, "", "metrics:" .. target, "marker")
end

-- BullMQ fetches the next job along, which costs less than a fetch of its own.
function ways.finish(id, target, property, value, packed, fields)
    local names = finish_keys[target]
    names[12] = prefix .. id
    local reply = moveToFinished(names,
        { id, now, property, value, target, room > 0 and "1" or "", prefix, packed, fields })
    if type(reply) ~= "table" then
        return reply
    end
    fetch(reply)
    return 0
end

-- `skip` is "1" when the try does not count.
function ways.delay(id, token, delay, fields, skip)
    return moveToDelayed(
        keys("marker", "active", "prioritized", "delayed", id, "events", "meta", "stalled", "wait", "limiter", "pc"),
        { prefix, now, id, token, delay, skip, fields, "0" })
end

function ways.retry(id, token, push, fields)
    return retryJob(
        keys("active", "wait", "paused", id, "meta", "events", "delayed", "prioritized", "pc", "marker", "stalled"),
        { prefix, now, push, id, token, fields })
end

function ways.release(id, token)
    return moveJobFromActiveToWait(
        keys("active", "wait", "stalled", "paused", "meta", "limiter", "prioritized", "marker", "events"),
        { id, token, prefix .. id })
end

local errors = { [-1] = "the job is gone", [-2] = "the lock is gone", [-3] = "the job is not active",
    [-6] = "another worker holds the lock" }

local replies = {}
for i, ack in ipairs(cmsgpack.unpack(ARGV[4])) do
    local ok, reply = pcall(ways[ack[1]], unpack(ack, 2))
    if not ok then
        replies[i] = type(reply) == "table" and reply.err or tostring(reply)
    elseif type(reply) == "number" and reply < 0 then
        replies[i] = errors[reply] or ("BullMQ error " .. reply)
    else
        replies[i] = false
    end
end

local active_keys = keys("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta",
    "pc", "marker")
while room > 0 do
    fetch(moveToActive(active_keys, { prefix, now, options }))
end
return { replies, fetched, limited, next_at }

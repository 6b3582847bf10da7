-- Acknowledges a worker's finished jobs and fetches new ones from one queue.
--   KEYS[1]  the queue's key prefix
--   ARGV[1]  fetch options, in MessagePack: {token, lockDuration, name}
--   ARGV[2]  how many jobs to fetch
--   ARGV[3]  plain completions, in MessagePack: { job id, result, token, job id, ... }
--   ARGV[4]  the finish options of each of those, as `moveToFinished` takes them, but without the token
--   ARGV[5]  other acknowledgements, in MessagePack: { {kind, job id, arguments...}, ... }
--   ARGV[6]  "1" if the reply to an earlier call with this token was lost: the jobs it fetched are returned too
-- Returns { refused acknowledgements {job id, error message}, fetched jobs {the values of FIELDS, job id},
--           milliseconds for which no job can be fetched, or -1 if that is unknown }.
--
-- BullMQ's own functions handle everything rare. What nearly every job goes through is done here for many jobs at
-- once, with the same result in a third of the commands: the queue's state (its limits, due jobs, the length of its
-- events) is read once per call instead of once per job; lists and sets are changed once for all jobs; a counter whose
-- value was read is written with the other fields. The queue and its events end up the same:
-- tests/queue/test_ack_and_fetch.py compares the two, key for key and event for event.
--   `complete` is `moveToFinished` for a job without parent, children or deduplication. The last job of each call
--              still goes through BullMQ's own, which trims events, removes old jobs and reports an empty queue.
--   `take`     is `moveToActive` for jobs of a queue without limits. The first job of each call still goes through
--              BullMQ's own, which moves due jobs, respects a pause or a limit, and wakes other workers.
-- use: moveToFinished-14
-- use: moveToDelayed-11
-- use: retryJob-11
-- use: moveJobFromActiveToWait-9
-- use: moveToActive-11

local prefix, options, room = KEYS[1], ARGV[1], tonumber(ARGV[2])
-- Unix milliseconds by the server's clock: the workers' clocks may differ.
local time = redis.call("TIME")
local now = time[1] .. string.format("%03d", math.floor(time[2] / 1000))
local worker = cmsgpack.unpack(options)
local call = redis.call
local refused, fetched, wait = {}, {}, -1
local active, events = prefix .. "active", prefix .. "events"

local function keys(...)
    local names = { ... }
    for i, name in ipairs(names) do
        names[i] = prefix .. name
    end
    return names
end

-- FIELDS: what a worker receives of a job, and the position of `ats` among them.
local ATS = 4
local function read(id)
    local job = call("HMGET", prefix .. id, "name", "data", "opts", "ats", "atm", "priority", "timestamp", "defa",
        "stc")
    job[#job + 1] = id
    return job
end

-- Handles BullMQ's reply to a fetch: a job, or why there is none, after which no more are fetched.
local function add_fetched(reply)
    if type(reply[1]) == "table" then
        fetched[#fetched + 1] = read(reply[2])
        room = room - 1
    else
        -- Milliseconds of rate limit left; when the next delayed job is due.
        local limited, next_at = reply[3], reply[4]
        wait = limited > 0 and limited or next_at > 0 and math.max(math.floor(next_at) - now, 0) or -1
        room = 0
    end
end

-- How a job leaves the active list, by kind of acknowledgement; each takes that kind's arguments.
local handlers = {}

local finish_keys = {}
for _, target in ipairs({ "completed", "failed" }) do
    finish_keys[target] = keys("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused",
        "meta", "pc", target, "", "metrics:" .. target, "marker")
end

-- The first to finish also fetches a job, which costs less than a separate fetch.
function handlers.finish(id, target, property, value, packed, fields)
    local names = finish_keys[target]
    names[12] = prefix .. id
    local fetch_next = room > 0 and #fetched == 0 and "1" or ""
    local reply = moveToFinished(names, { id, now, property, value, target, fetch_next, prefix, packed, fields })
    if type(reply) ~= "table" then
        return reply
    end
    add_fetched(reply)
    if #fetched > 0 then
        -- BullMQ gave its lock the token of the job that finished.
        call("SET", prefix .. reply[2] .. ":lock", worker.token, "PX", worker.lockDuration)
    end
    return 0
end

-- `skip` is "1" if the attempt does not count.
function handlers.delay(id, token, delay, fields, skip)
    return moveToDelayed(
        keys("marker", "active", "prioritized", "delayed", id, "events", "meta", "stalled", "wait", "limiter", "pc"),
        { prefix, now, id, token, delay, skip, fields, "0" })
end

function handlers.retry(id, token, push, fields)
    return retryJob(
        keys("active", "wait", "paused", id, "meta", "events", "delayed", "prioritized", "pc", "marker", "stalled"),
        { prefix, now, push, id, token, fields })
end

function handlers.release(id, token)
    return moveJobFromActiveToWait(
        keys("active", "wait", "stalled", "paused", "meta", "limiter", "prioritized", "marker", "events"),
        { id, token, prefix .. id })
end

local errors = { [-1] = "the job is gone", [-2] = "the lock is gone", [-3] = "the job is not active",
    [-6] = "another worker holds the lock" }

-- Acknowledges one job; an error affects no other.
local function acknowledge(handler, id, ...)
    local ok, reply = pcall(handler, id, ...)
    if not ok then
        refused[#refused + 1] = { id, type(reply) == "table" and reply.err or tostring(reply) }
    elseif type(reply) == "number" and reply < 0 then
        refused[#refused + 1] = { id, errors[reply] or ("BullMQ error " .. reply) }
    end
end

-- What `complete` collects for one command each: jobs no longer held, their locks, completed jobs with their times.
local freed, locks, scored = {}, {}, {}

-- `made` is how many attempts counted before this one.
local function complete(id, key, lock, value, made)
    freed[#freed + 1], locks[#locks + 1] = id, lock
    if call("LREM", active, -1, id) == 0 then
        return -3
    end
    call("HSET", key, "atm", (made or 0) + 1, "returnvalue", value, "finishedOn", now)
    call("XADD", events, "*", "event", "completed", "jobId", id, "returnvalue", value, "prev", "active")
    scored[#scored + 1], scored[#scored + 2] = now, id
    return 0
end

local plain_options
local function finish_options(token)
    plain_options = plain_options or cmsgpack.unpack(ARGV[4])
    plain_options.token = token
    return cmsgpack.pack(plain_options)
end

local function complete_all(plain)
    local names, held, children = {}, {}, {}
    for n = 1, #plain / 3 do
        local key = prefix .. plain[3 * n - 2]
        names[n], held[n] = key, key .. ":lock"
        children[2 * n - 1], children[2 * n] = key .. ":dependencies", key .. ":unsuccessful"
    end
    local tokens = call("MGET", unpack(held))
    local childless = call("EXISTS", unpack(children)) == 0
    for n, key in ipairs(names) do
        local id, value, token = plain[3 * n - 2], plain[3 * n - 1], plain[3 * n]
        local job = call("HMGET", key, "name", "atm", "parentKey", "parent", "deid")
        if job[1] and tokens[n] == token and childless and not (job[3] or job[4] or job[5]) then
            acknowledge(complete, id, key, held[n], value, job[2])
        else
            acknowledge(handlers.finish, id, "completed", "returnvalue", value, finish_options(token), "")
        end
    end
    if #freed > 0 then
        call("DEL", unpack(locks))
        call("SREM", prefix .. "stalled", unpack(freed))
    end
    if #scored > 0 then
        call("ZADD", prefix .. "completed", unpack(scored))
    end
end

local function hand_out(ids)
    if #ids == 0 then
        return
    end
    call("LPUSH", active, unpack(ids))
    for _, id in ipairs(ids) do
        local key, job = prefix .. id, read(id)
        job[ATS] = (job[ATS] or 0) + 1
        call("SET", key .. ":lock", worker.token, "PX", worker.lockDuration)
        call("XADD", events, "*", "event", "active", "jobId", id, "prev", "waiting")
        call("HSET", key, "processedOn", now, "pb", worker.name, "ats", job[ATS])
        fetched[#fetched + 1] = job
    end
    room = room - #ids
end

-- Fetches from the end of the waiting list, then by priority. Entries like `0:0` are markers, which BullMQ's own
-- function handles.
local function take()
    local limits = call("HMGET", prefix .. "meta", "concurrency", "max")
    local found = call("LRANGE", prefix .. "wait", -room, -1)
    if limits[1] or limits[2] then
        return
    end
    local ids = {}
    for i = #found, 1, -1 do
        if string.sub(found[i], 1, 2) == "0:" then
            return
        end
        ids[#ids + 1] = found[i]
    end
    if #ids > 0 then
        call("LTRIM", prefix .. "wait", 0, -#ids - 1)
        hand_out(ids)
    end
    local popped, by_priority = room > 0 and call("ZPOPMIN", prefix .. "prioritized", room) or {}, {}
    for i = 1, #popped, 2 do
        by_priority[#by_priority + 1] = popped[i]
    end
    hand_out(by_priority)
end

-- Adds the jobs that an earlier call with this token fetched.
local function add_fetched_before()
    local ids = call("LRANGE", active, 0, -1)
    for i, id in ipairs(ids) do
        if call("GET", prefix .. id .. ":lock") == worker.token then
            fetched[#fetched + 1] = read(id)
            room = room - 1
        end
    end
end

if ARGV[6] == "1" then
    add_fetched_before()
end
local plain = cmsgpack.unpack(ARGV[3])
if #plain > 0 then
    complete_all(plain)
end
for _, ack in ipairs(cmsgpack.unpack(ARGV[5])) do
    acknowledge(handlers[ack[1]], unpack(ack, 2))
end

local active_keys = keys("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta",
    "pc", "marker")
local function fetch_one()
    add_fetched(moveToActive(active_keys, { prefix, now, options }))
end

if room > 0 and #fetched == 0 then
    fetch_one()
end
if room > 0 then
    take()
end
while room > 0 do
    fetch_one()
end
return { refused, fetched, wait }

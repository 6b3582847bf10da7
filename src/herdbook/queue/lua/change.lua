-- Carries out operators' actions on one queue, in order.
--   KEYS[1]  the queue's key prefix
--   ARGV[1]  now, in Unix milliseconds
--   ARGV[2]  the actions, packed: { {way, arguments...}, ... }
-- Answers for each an error text, true when more of it is left than one call may do, or false when it is done.
-- use: removeJob-2
-- use: promote-9
-- use: pause-7
-- use: cleanJobsInSet-3

local prefix, now = KEYS[1], ARGV[1]
-- Keeps one call under about 5 ms.
local CLEANED_AT_ONCE = 250
local HELD = "a worker holds the job"

local function keys(...)
    local names = { ... }
    for i, name in ipairs(names) do
        names[i] = prefix .. name
    end
    return names
end

-- Without this, a removal would look through every list for a job that is not there. BullMQ's own ids begin anew
-- after a flush: such a job is known by its timestamp too.
local function is_gone(id, timestamp)
    local found = redis.call("HGET", prefix .. id, "timestamp")
    return not found or (timestamp ~= "" and tonumber(found) ~= tonumber(timestamp))
end

local function is_held(id)
    return redis.call("EXISTS", prefix .. id .. ":lock") == 1
end

local ways = {}

-- The next run of a job scheduler is the one job that BullMQ does not remove: it stays, and the claim turns it away.
function ways.remove(id, timestamp)
    if is_gone(id, timestamp) then
        return false
    end
    return removeJob({ prefix .. id, prefix .. "repeat" }, { id, "0", prefix }) == 0 and HELD
end

-- A job that is held may be on its way to the delayed ones: its retry is recorded before the queue is told.
function ways.promote(id, timestamp)
    if is_gone(id, timestamp) then
        return false
    end
    local reply = promote(
        keys("delayed", "wait", "paused", "meta", "prioritized", "active", "pc", "events", "marker"), { prefix, id })
    return reply ~= 0 and is_held(id) and HELD
end

function ways.pause()
    pause(keys("wait", "paused", "meta", "prioritized", "events", "delayed", "marker"), { "paused" })
    return false
end

-- Jobs that an older BullMQ put aside come back some thousand at a time.
function ways.resume()
    return pause(keys("paused", "wait", "meta", "prioritized", "events", "delayed", "marker"), { "resumed" }) > 0
end

function ways.clean()
    local cleaned = cleanJobsInSet(keys("completed", "events", "repeat"), { prefix, now, CLEANED_AT_ONCE, "completed" })
    return #cleaned == CLEANED_AT_ONCE
end

local replies = {}
for i, action in ipairs(cmsgpack.unpack(ARGV[2])) do
    local ok, reply = pcall(ways[action[1]], unpack(action, 2))
    if ok then
        replies[i] = reply
    else
        replies[i] = type(reply) == "table" and reply.err or tostring(reply)
    end
end
return replies

# emotion_clip as a user meets it: a run killed at several moments and resumed leaves the same bytes as one that was not,
# on one process or two; mistakes are named; predictions, embeddings and parameters come out.
#   cmake -DPROGRAM=.../emotion_clip -DFOLDER=... [-DSEED_TOOL=.../limbic-seed] -P emotion_clip_program.cmake
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
set(small --epochs 3 --folds 2 --sim-subjects 3 --sim-seconds 11 --shots 0,2 --image 16 --width 8 --heads 2 --conv-width 8
    --pretrain-epochs 1 --contrastive-weight 0.1 --supcon-weight 0.1 --selection validation --validation-trials 4
    --keep-best-epoch --checkpoint-seconds 0 --no-figures --quiet)

function(run expected pattern)
  execute_process(COMMAND ${PROGRAM} ${ARGN} WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE status
                  OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL expected OR NOT out MATCHES "${pattern}")
    message(FATAL_ERROR "emotion_clip ${ARGN}\nreturned ${status}, not ${expected}, or does not say '${pattern}':\n${out}")
  endif()
endfunction()

run(0 "Simulated data: no number below" train --out whole --jobs 1 ${small})

# Killed (SIGKILL, which is what TIMEOUT sends) ever later, then finished.
set(kills 0)
foreach(seconds 1 1.5 0.7 2)
  if(EXISTS ${FOLDER}/killed/config.json)
    set(arguments --resume --no-figures --quiet)
  else()
    set(arguments ${small})
  endif()
  execute_process(COMMAND ${PROGRAM} train --out killed --jobs 1 ${arguments} WORKING_DIRECTORY ${FOLDER}
                  RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET TIMEOUT ${seconds})
  if(NOT status EQUAL 0)
    math(EXPR kills "${kills} + 1")
  endif()
endforeach()
if(kills EQUAL 0)
  message(FATAL_ERROR "no run was killed: the test is too slow to say anything")
endif()
if(NOT EXISTS ${FOLDER}/killed/config.json)
  run(0 "Report" train --out killed --jobs 1 ${small})
endif()
run(0 "Report" train --resume --out killed --jobs 2 --no-figures --quiet)
file(GLOB_RECURSE files RELATIVE ${FOLDER}/whole ${FOLDER}/whole/folds/*)
foreach(file IN LISTS files)
  if(file MATCHES "(time|result|predictions)\\.json$")
    continue()  # they name the time or the run's folder
  endif()
  file(SHA256 ${FOLDER}/whole/${file} expected)
  file(SHA256 ${FOLDER}/killed/${file} found)
  if(NOT found STREQUAL expected)
    message(FATAL_ERROR "killed/${file} differs from that of the undisturbed run")
  endif()
endforeach()
list(LENGTH files count)
if(count LESS 40)
  message(FATAL_ERROR "too few files to compare: ${files}")
endif()

# Both protocols; SEED; the other source of shots.
run(0 "subject01-1to2|Report" train --out time --protocol cross-time --pairs 1-2 --folds 1 --dataset seed --epochs 1
    --sim-subjects 1 --sim-seconds 9 --shots 0,1 --shot-source windows --image 16 --width 8 --heads 2 --conv-width 8
    --no-figures --quiet --checkpoint-activations --legacy-attention-axis)

run(1 "holds a run already" train --out whole ${small})
run(1 "a resumed run must keep its settings" train --resume --out whole --epochs 6)
run(1 "'--epochs' is the nearest" train --epochz 3)
run(1 "a folder is needed|is needed" train --data ${FOLDER}/none --out other)
run(1 "is the nearest of" train --folds session1-subject9 --sim-seconds 9 --sim-subjects 2 --shots 0 --out third)
run(1 "fewer --shots" train --shots 500 --sim-seconds 9 --sim-subjects 2 --folds 1 --jobs 1 --quiet --out fourth)
run(1 "needs the text model" train --class-words calm,tense --out fifth)
run(1 "config.json" train --text ${FOLDER} --sim-seconds 9 --sim-subjects 2 --shots 0 --out sixth)
run(1 "needs --data" train --input features --out seventh)
run(0 "validation data out of the source" evaluate whole)
run(0 "best epoch on the target" evaluate whole --best-epoch --method classifier-2)
file(GLOB model ${FOLDER}/whole/folds/matching-2/*01/model.safetensors)
file(GLOB plain ${FOLDER}/whole/folds/classifier-2/*01/model.safetensors)
run(0 "tensors" export --model ${model} --out plain.safetensors)
run(1 "not a checkpoint" predict --model plain.safetensors --eeg x.mat)
run(1 "x.mat" predict --model ${model} --eeg x.mat)
run(1 "EEG is needed" predict --model ${model})
run(1 "needs the text model" predict --model ${model} --eeg x.mat --classes calm,stressed)
run(1 "must not be empty" predict --model ${model} --eeg x.mat --classes calm,, --text ${FOLDER})
run(1 "a model of text matching" predict --model ${plain} --eeg x.mat --classes calm,stressed --text ${FOLDER})
run(0 "Report" report whole --no-figures)

# Simulated files in the data set's layout: features once, then out of the cache; predictions and embeddings.
if(SEED_TOOL)
  execute_process(COMMAND ${SEED_TOOL} simulate --dataset seed-iv --subjects 2 --sessions 1 --no-features --raw --raw-seconds 11
                          --out ${FOLDER}/files RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "limbic-seed: ${out}")
  endif()
  set(tiny --epochs 1 --folds 1 --shots 0 --image 16 --width 8 --heads 2 --conv-width 8 --cache kept --no-figures --quiet)
  run(0 "Simulated data" train --data files --out read --methods matching ${tiny})
  file(GLOB kept ${FOLDER}/kept/*.safetensors)
  list(LENGTH kept count)
  if(NOT count EQUAL 2)
    message(FATAL_ERROR "features of two recordings must be kept; got ${kept}")
  endif()
  run(1 "must hold SEED; got SEED-IV" train --data files --dataset seed --out wrong ${tiny})
  file(GLOB read_model ${FOLDER}/read/folds/matching-0/*/model.safetensors)
  run(0 "Simulated data or model. 72 windows of 1 recordings" predict --model ${read_model} --data files --subjects 2
      --cache kept --embeddings points.safetensors)
  file(GLOB recording ${FOLDER}/files/eeg_raw_data/1/1_*.mat)
  run(0 "72 windows of 1 recordings" predict --model ${read_model} --eeg ${recording} --prototypes
      ${FOLDER}/read/text.safetensors --out own)
  foreach(file predictions.csv predictions.json points.safetensors own.csv)
    if(NOT EXISTS ${FOLDER}/${file})
      message(FATAL_ERROR "predict must write ${file}")
    endif()
  endforeach()
endif()
file(REMOVE_RECURSE ${FOLDER})
